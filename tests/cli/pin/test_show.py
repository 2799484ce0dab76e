"""`pin show`: a room's PIN, and errors as JSON."""

import json
import subprocess

import jsonschema

from tests.support.pin_commands import pin
from tests.support.running import clean_env, command, run


def test_show_loads_no_sdk_where_it_is_not_needed() -> None:
    pin("assign", "a")
    code = "import runpy, sys\nsys.argv[0] = 'sipctl'\ntry:\n    runpy.run_module('sipctl', run_name='__main__')\n"
    code += "except SystemExit:\n    pass\nsys.stderr.write(' '.join(sys.modules))"
    ended = subprocess.run(
        [command()[0], "-c", code, "pin", "show", "a", "--no-live"], env=clean_env(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    loaded = set(ended.stderr.split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"livekit", "aiohttp", "google.protobuf"}


def test_errors_as_json() -> None:
    ended = run("pin", "show", "nobody", "-o", "json")
    error = json.loads(ended.stderr.splitlines()[-1])["error"]
    assert (ended.code, error["code"], error["exit_code"]) == (7, "not-found", 7)
    jsonschema.validate(error["hint"], {"type": "string", "minLength": 1})
