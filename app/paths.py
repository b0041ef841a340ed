"""Every path on disk."""

from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from corral.peers.ids import ClusterId

_PROGRAM = "corral"
_CLUSTER_DIGITS = 12  # of its id, in file names


def default_data_dir() -> Path:
    """The platform's folder for a user's data of this program."""
    return user_data_path(_PROGRAM, appauthor=False)


@dataclass(frozen=True, slots=True)
class DataDir:
    """The files below a node's data folder."""

    root: Path

    def make(self) -> None:
        """Have the folder; a new one is closed to other users. Raises OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def config(self) -> Path:
        """Settings that a user writes."""
        return self.root / "config.toml"

    @property
    def models(self) -> Path:
        """Model files, unless the setting says otherwise."""
        return self.root / "models"

    @property
    def model_sums(self) -> Path:
        """Checksums of the model files; without it they are worked out again."""
        return self.root / "models.sums.json"

    @property
    def logs(self) -> Path:
        """Log files, unless the setting says otherwise."""
        return self.root / "logs"

    @property
    def database(self) -> Path:
        return self.root / "corral.db"

    def ledger(self, cluster: ClusterId) -> Path:
        """What all machines of a cluster know: keys, users, members. Those of earlier clusters are kept, and not read."""
        return self.root / f"cluster-{cluster[:_CLUSTER_DIGITS]}.db"

    @property
    def cluster(self) -> Path:
        """Which cluster this machine belongs to, and the cluster's key."""
        return self.root / "cluster.json"

    @property
    def identity(self) -> Path:
        """Folder of this machine's own key and certificate."""
        return self.root / "identity"

    @property
    def term(self) -> Path:
        """The highest term of an election that this machine knew."""
        return self.root / "term"

    @property
    def addresses(self) -> Path:
        """Where the other machines of the cluster were last."""
        return self.root / "addresses.json"

    @property
    def added_peers(self) -> Path:
        """Addresses of other machines that people added."""
        return self.root / "added-peers.json"

    @property
    def legacy_history(self) -> Path:
        """The history of requests that llmlb kept; taken over and renamed."""
        return self.root / "request_history.json"

    @property
    def lock(self) -> Path:
        """Locked by the node that runs on this data folder."""
        return self.root / "node.lock"

    @property
    def run_file(self) -> Path:
        """Where the running node answers: process id, port, URL."""
        return self.root / "node.json"

    @property
    def session_secret(self) -> Path:
        """Signed the sessions of users in earlier versions; its content is taken over into the ledger."""
        return self.root / "session.secret"

    @property
    def tray_key(self) -> Path:
        """The API key that the tray copies."""
        return self.root / "tray.key"

    @property
    def window(self) -> Path:
        """What the page keeps in the window."""
        return self.root / "window"

    @property
    def local_token(self) -> Path:
        """The credential for commands on this machine; a new one at each start."""
        return self.root / "local.token"


def backup_path(database: Path, *, version: int) -> Path:
    """Where a database is copied to before it is changed from `version`."""
    return database.with_name(f"{database.name}.v{version}.backup")
