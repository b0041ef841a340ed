"""Whether the files that make this machine a member of its cluster can be used: its key, cluster.json, the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corral.app.commands.screen import size
from corral.app.doctor.database import DatabaseFacts, gather_database
from corral.app.doctor.finding import Finding, ok, problem
from corral.app.paths import DataDir
from corral.peers.cluster.cluster_file import ClusterFileError, decode_cluster
from corral.peers.identity.errors import IdentityError
from corral.peers.identity.identity import load_identity
from corral.peers.replication.ledger_file import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFileFacts:
    """Errors are as their readers word them. `ledger` is None while it isn't known which it is, or there is none yet."""

    cluster_file: Path
    identity_error: str | None = None
    cluster_error: str | None = None
    ledger: DatabaseFacts | None = None


def gather_cluster_files(folder: DataDir) -> ClusterFileFacts:
    """Read them; nothing is made."""
    identity_error = cluster_error = ledger = None
    if folder.identity.is_dir():
        try:
            load_identity(folder.identity)
        except (IdentityError, OSError) as error:
            identity_error = str(error)
    try:
        cluster = decode_cluster(folder.cluster.read_bytes())
    except FileNotFoundError:
        pass
    except (ValueError, ClusterFileError, OSError) as error:
        cluster_error = str(error)
    else:
        ledger = gather_database(folder.ledger(cluster.id), known_version=VERSION)
    return ClusterFileFacts(
        cluster_file=folder.cluster, identity_error=identity_error, cluster_error=cluster_error, ledger=ledger
    )


def judge_cluster_files(facts: ClusterFileFacts) -> list[Finding]:
    """A finding for each file that can't be used, or one for all."""
    found = list(_wrong(facts))
    if found:
        return found
    if facts.ledger is None or not facts.ledger.exists:
        return [ok("ledger", "none yet; the first start makes it")]
    return [ok("ledger", f"whole, version {facts.ledger.version}, {size(facts.ledger.size_bytes)}")]


def _wrong(facts: ClusterFileFacts) -> Iterator[Finding]:
    if facts.identity_error is not None:
        remedy = "Put back a copy of the folder; or move it and cluster.json away: then this machine has to be paired again."
        yield problem("identity", facts.identity_error, remedy)
    if facts.cluster_error is not None:
        remedy = (
            "Put back a copy of it; or move it away: then this machine is on its own, and has to be paired with the others "
            "again."
        )
        yield problem("cluster file", f"{facts.cluster_file} is damaged: {facts.cluster_error}", remedy)
    ledger = facts.ledger
    if ledger is None or not ledger.exists:
        return
    if ledger.error is not None:
        remedy = (
            "Put a backup in its place; or move it away: everything in it comes back from the other machines of the "
            "cluster, if there are any."
        )
        yield problem("ledger", f"{ledger.path} (keys, users, machines) is damaged: {ledger.error}", remedy)
    elif ledger.version > ledger.known_version:
        what = f"{ledger.path} has version {ledger.version}; this program knows those up to {ledger.known_version}"
        yield problem("ledger", what, "Start the newer Corral that wrote it, or name another folder.")
