"""`demo`: the story ends well, and shows a room that callers do not get into until the doctor's command is typed."""

from tests.support.running import run_process


def test_the_story() -> None:
    ended = run_process("demo")
    assert (ended.code, ended.stderr) == (0, "")
    before, _, after = ended.stdout.partition("It says which command helps, too:\n")
    assert "1 of 2 rooms with people in them can be called; callers of 'retro' hear" in before
    assert "ERROR   RUL421  room retro" in before
    assert after.startswith("$ sipctl rules create --room retro --pin-from-registry\n")
    assert "✓ retro: its PIN opens it" in after
    assert "\n2 of 2 rooms with people in them can be called." in after.rpartition("$ sipctl doctor")[2]
    assert "$ sipctl rules explain --from +33612345678" in after
