"""Which module may import which, and what stands where."""

import re
import tomllib
from pathlib import Path

from tests.architecture.contracts import EVERY_SUBJECT
from tests.architecture.source import ROOMS, ROOT, files, imports, module_name, shown, subjects

# Beside the jobs.py files: each with its reason.
MAY_IMPORT_PROVIDERS = {
    "api.connections.routes": "names the errors and the registry, to answer what a provider says of a key",
    "api.app": "asks which providers there are, and holds the connections to them",
    "api.dev.home": "asks which providers there are to simulate",
    "api.ops.migrate": "writes what the providers declare into the database",
    "api.settings": "asks what the providers declare, which a setting may say otherwise",
}
# Who a person is, whatever names them: no provider's, and for all that take addresses or profiles.
IDENTITY = "providers.identity"
# What is written and when, through whichever provider, and the words for it.
TEXTS = ("providers.templates", "providers.markup", "providers.zones", "providers.models")
# What all simulators are made of; it is none of them.
KIT = "kit"
# What the folder `api/worker` is for: running the lanes.
RUNS_PROVIDERS = ("api.worker",)
AT_THE_ROOT = {"__init__.py", "app.py", "cli.py", "errors.py", "modal_app.py", "settings.py", "tasks.py"}


def inside(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def broken(paths: list[Path], *forbidden: str, allowed: tuple[str, ...] = ()) -> list[str]:
    """Return every import of `paths` that leads into a forbidden package."""
    return [
        f"{shown(path)} imports {name}"
        for path in paths
        for name in imports(path)
        if inside(name, *forbidden) and not inside(name, *allowed)
    ]


def provider_folders() -> list[str]:
    folders = (path for path in (ROOT / "providers").iterdir() if (path / "parser.py").exists())
    return sorted(path.name for path in folders)


def test_providers_import_nothing_of_the_api_or_of_tests() -> None:
    assert broken(files("providers"), "api", "tests") == []


def test_the_product_imports_nothing_of_the_tests() -> None:
    assert broken(files("api"), "tests") == []


def test_one_provider_never_imports_another() -> None:
    assert provider_folders()
    for provider in provider_folders():
        others = [f"providers.{name}" for name in provider_folders() if name != provider]
        assert broken(files(f"providers/{provider}"), *others) == []


def test_what_all_providers_share_knows_none_of_them() -> None:
    shared = [path for path in (ROOT / "providers").glob("*.py") if path.name != "registry.py"]
    assert broken(shared, *(f"providers.{name}" for name in provider_folders())) == []


def test_a_simulator_and_its_client_never_import_each_other() -> None:
    for provider in provider_folders():
        assert broken(files(f"providers/{provider}"), "providers.simulators") == []
    simulators = files("providers/simulators")
    assert broken(simulators, "providers", allowed=("providers.simulators",)) == []


def simulators() -> list[str]:
    folders = (path for path in (ROOT / "providers" / "simulators").iterdir() if (path / "__init__.py").exists())
    return sorted(path.name for path in folders)


def test_what_all_simulators_share_knows_none_of_them() -> None:
    if KIT in simulators():
        others = [f"providers.simulators.{name}" for name in simulators() if name != KIT]
        assert broken(files(f"providers/simulators/{KIT}"), *others) == []


def test_one_simulator_never_imports_another() -> None:
    folders = simulators()
    assert folders
    for folder in folders:
        others = [f"providers.simulators.{name}" for name in folders if name not in (folder, KIT)]
        assert broken(files(f"providers/simulators/{folder}"), *others) == []


def test_the_layers_name_every_room() -> None:
    """import-linter checks which module may import which inside `api`; here, that nothing is left out of its layers."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "house")
    named = {name.strip() for layer in layers for name in re.split("[:|]", layer)}
    assert named == {*ROOMS, EVERY_SUBJECT, "app", "cli", "errors", "settings", "tasks"}
    assert len(subjects()) >= 16


def test_the_root_holds_the_composition_and_nothing_else() -> None:
    """A newcomer opens seven files at most before he is in a room."""
    assert {path.name for path in (ROOT / "api").iterdir() if path.is_file()} <= AT_THE_ROOT
    assert len(AT_THE_ROOT) == 7


def test_a_subject_is_flat_and_has_its_declaration() -> None:
    assert len(subjects()) >= 16
    for name in subjects():
        folder = ROOT / "api" / name
        assert not [path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"], name
        assert (folder / "subject.py").exists(), f"{name}: subject.py says what the house must know of it"


def test_only_jobs_import_providers() -> None:
    others = [
        path
        for path in files("api")
        if not path.name.endswith("jobs.py")
        and module_name(path) not in MAY_IMPORT_PROVIDERS
        and not inside(module_name(path), *RUNS_PROVIDERS)
    ]
    assert broken(others, "providers", allowed=(IDENTITY, *TEXTS)) == []


def test_every_exception_to_that_is_still_needed() -> None:
    importing = {module_name(path) for path in files("api") if any(inside(name, "providers") for name in imports(path))}
    assert set(MAY_IMPORT_PROVIDERS) <= importing


def test_routes_import_only_the_words_of_providers() -> None:
    """A route may name errors and ask which providers there are; it may not have a client."""
    routes = [path for path in files("api") if path.name.endswith("routes.py")]
    assert broken(routes, "providers", allowed=("providers.errors", "providers.registry", IDENTITY, *TEXTS)) == []
