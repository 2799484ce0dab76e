"""`sipctl completion`: the script on stdout, or where the shell looks for it and nowhere else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sipctl.completion.scripts import FILES, script
from tests.support.needs import need
from tests.support.running import assert_error, clean_env, run

WHERE = {
    "bash": ".local/share/bash-completion/completions/sipctl",
    "zsh": ".local/share/zsh/site-functions/_sipctl",
    "fish": ".config/fish/completions/sipctl.fish",
}


def home_env(folder: Path, **more: str) -> dict[str, str]:
    env = clean_env(HOME=str(folder), **more)
    return {name: value for name, value in env.items() if name != "XDG_CONFIG_HOME"}


@pytest.mark.parametrize("shell", FILES)
def test_the_script_is_printed(shell: str) -> None:
    assert run("completion", shell).stdout == script(shell)


def test_an_unknown_shell_is_refused() -> None:
    assert_error(run("completion", "tcsh"), 2, "'tcsh' is not one of 'bash', 'zsh', 'fish'")


@pytest.mark.parametrize("shell", FILES)
def test_it_is_installed_where_the_shell_looks(shell: str, tmp_path: Path) -> None:
    installed = run("completion", shell, "--install", env=home_env(tmp_path, PATH="/nonexistent"))
    assert (installed.code, installed.stdout) == (0, f"{tmp_path / WHERE[shell]}\n")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / WHERE[shell]}
    assert (tmp_path / WHERE[shell]).read_text() == script(shell)
    assert ("fpath=(" in installed.stderr) == (shell == "zsh")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    shown = run("completion", "bash", "--install", "--dry-run", env=home_env(tmp_path))
    assert shown.stderr == f"would write {tmp_path / WHERE['bash']}\n"
    assert list(tmp_path.iterdir()) == []


def test_zsh_is_asked_where_it_looks(tmp_path: Path) -> None:
    need("" if shutil.which("zsh") else "no zsh")
    own = tmp_path / "my functions"
    own.mkdir()
    (tmp_path / ".zshrc").write_text(f"echo noise; fpath=('{own}' $fpath); autoload -Uz compinit; compinit -u -D\n")
    installed = run("completion", "zsh", "--install", env=home_env(tmp_path))
    assert installed.stdout == f"{own / '_sipctl'}\n"
    assert "fpath" not in installed.stderr
    words = ["zsh", "-ic", "print -r -- $_comps[sipctl]"]
    found = subprocess.run(words, env=home_env(tmp_path), capture_output=True, text=True, check=False)
    assert found.stdout.splitlines()[-1] == "_sipctl"


def test_bash_completion_finds_it(tmp_path: Path) -> None:
    loader = Path("/usr/share/bash-completion/bash_completion")
    need("" if loader.exists() else "no bash-completion")
    assert run("completion", "bash", "--install", env=home_env(tmp_path)).code == 0
    words = ["bash", "-c", f". {loader}; _completion_loader sipctl; complete -p sipctl"]
    found = subprocess.run(words, env=home_env(tmp_path), capture_output=True, text=True, check=False)
    assert found.stdout == "complete -F _sipctl sipctl\n"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("")
    assert_error(run("completion", "bash", "--install", env=home_env(tmp_path)), 3, "cannot make the folder")
