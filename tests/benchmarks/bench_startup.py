"""`--version` and a TAB against an empty Python, `--help` against the help of a bare Typer application."""

from tests.benchmarks.ratios import best, python, show

BARE = """
import typer
app = typer.Typer()
@app.command()
def one(name: str = "x", count: int = 1): "One."
@app.command()
def two(): "Two."
app(["--help"])
"""

if __name__ == "__main__":
    show("sipctl --version", best(python("-m", "sipctl", "--version")), best(python("-c", "pass")), 2)
    tab = best(python("-m", "sipctl", "__complete", "bash", "rules", "list", "--"))
    show("a TAB", tab, best(python("-c", "pass")), 2)
    show("sipctl --help", best(python("-m", "sipctl", "--help")), best(python("-c", BARE)), 1.2)
