"""What docs/install promises: constraints that fit the project, licences of all of them, sound files."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "docs" / "install"
PINNED = {
    canonicalize_name(name): Version(version)
    for name, _, version in (line.partition("==") for line in (INSTALL / "constraints.txt").read_text().split())
}


def test_the_constraints_hold_every_dependency_at_a_version_that_is_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        pinned = PINNED.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name}: uv pip compile pyproject.toml --no-header --no-annotate -o {INSTALL}"
        assert requirement.specifier.contains(pinned), requirement


def test_the_licence_of_each_package_is_listed() -> None:
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", (INSTALL / "licences.md").read_text(), re.MULTILINE))
    assert {canonicalize_name(name) for name in listed} - {"package", "-"} == set(PINNED)
    assert "not declared" not in listed.values()


def test_the_container_has_a_user_of_its_own_and_the_service_runs_only_when_asked() -> None:
    container = (INSTALL / "Containerfile").read_text()
    assert "USER sipctl\n" in container
    assert "--constraint /tmp/constraints.txt" in container
    service = YAML(typ="safe").load((INSTALL / "compose.yaml").read_text())["services"]["sipctl"]
    assert service["profiles"] == ["tools"]
    assert service["read_only"] is True
