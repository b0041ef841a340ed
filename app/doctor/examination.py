"""All checks, one after the other; one that fails itself is a finding too."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from corral.app.doctor.clocks import gather_clock, judge_clock
from corral.app.doctor.cluster_examination import ClusterExamination
from corral.app.doctor.configuration import ConfigurationFacts, judge_configuration, unknown_variables
from corral.app.doctor.database import gather_database, judge_database
from corral.app.doctor.disks import gather_disks, judge_disks
from corral.app.doctor.endpoints import gather_endpoints, judge_endpoints
from corral.app.doctor.engine_build import gather_machine, judge_machine
from corral.app.doctor.finding import Finding, problem
from corral.app.doctor.folders import gather_folders, judge_folders
from corral.app.doctor.log_size import gather_logs, judge_logs
from corral.app.doctor.model_files import gather_models, judge_models
from corral.app.doctor.ports import gather_ports, judge_ports
from corral.app.doctor.running_node import NodeFacts, gather_node, judge_node
from corral.app.paths import DataDir
from corral.app.secrets_mask import masked_text
from corral.app.settings import SettingsError, default_settings, find_data_dir, load_settings
from corral.app.settings_table import Settings
from corral.app.version import program_version


@dataclass(frozen=True, slots=True)
class _Sources:
    arguments: Mapping[str, object]
    environ: Mapping[str, str]


def examine(*, arguments: Mapping[str, object], environ: Mapping[str, str]) -> Iterator[Finding]:
    """The findings as they come. Raises SettingsError if not even the data folder is known."""
    sources = _Sources(arguments, environ)
    folder = DataDir(find_data_dir(arguments=arguments, environ=environ))
    settings, facts = _read_settings(folder, sources)
    yield from judge_configuration(facts)
    node: list[NodeFacts] = []

    def look_at_node() -> list[Finding]:
        node.append(gather_node(settings, own_version=program_version()))
        return judge_node(node[0])

    cluster = ClusterExamination(
        settings,
        folder,
        lambda: node[0].cluster if node else None,
        look_again=lambda: gather_node(settings, own_version=program_version()).cluster,
    )
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("node", look_at_node),
        ("ports", lambda: judge_ports(gather_ports(settings, running_pid=node[0].pid if node else None))),
        ("folders", lambda: judge_folders(gather_folders(settings))),
        ("disk", lambda: judge_disks(gather_disks(settings))),
        ("database", lambda: judge_database(gather_database(folder.database))),
        ("logs", lambda: judge_logs(gather_logs(settings.log_dir, max_bytes=settings.log_max_bytes))),
        ("clock", lambda: judge_clock(gather_clock(folder, settings.log_dir, now=time.time()))),
        ("endpoints", lambda: judge_endpoints(gather_endpoints(settings))),
        ("models", lambda: judge_models(gather_models(settings))),
        ("machine", lambda: judge_machine(gather_machine())),
        *cluster.checks(may_send=facts.error is None),
    ]
    for name, check in checks:
        yield from _carried_out(name, check)


def _carried_out(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - on a broken machine anything can fail; the other checks go on
        what = masked_text(f"this check failed itself: {type(error).__name__}: {error}")
        return [problem(name, what, "If what it names is in order, please report it.")]


def _read_settings(folder: DataDir, sources: _Sources) -> tuple[Settings, ConfigurationFacts]:
    error = None
    try:
        settings = load_settings(arguments=sources.arguments, environ=sources.environ)
    except SettingsError as wrong:
        settings, error = default_settings(folder.root), str(wrong)
    try:
        text = folder.config.read_text(encoding="utf-8", errors="replace")
        mode = folder.config.stat().st_mode & 0o777 if os.name == "posix" else None
    except OSError:  # load_settings has said why, if there is one
        text, mode = "", None
    return settings, ConfigurationFacts(
        file=folder.config,
        mode=mode,
        text=text,
        error=error,
        notices=settings.notices,
        unknown_variables=unknown_variables(sources.environ),
    )
