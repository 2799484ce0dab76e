"""PRM9xx: the files that livekit-sip plays to callers."""

from typing import Final

from sipctl.findings.record import Code, Level

PROMPT_CODES: Final = (
    Code(
        code="PRM901",
        level=Level.ERROR,
        title="Every prompt is there",
        cause="livekit-sip is built with enter_pin.ogg, wrong_pin.ogg and room_join.ogg; without one of them the"
        " build ends.",
        callers="Nothing unusual: the old livekit-sip goes on.",
        fix="record the missing prompt under exactly this name",
    ),
    Code(
        code="PRM902",
        level=Level.ERROR,
        title="livekit-sip can play every prompt",
        cause="It reads Ogg Vorbis, 48 kHz, mono, and nothing else: with any other file it ends at its start. Opus is"
        " not Vorbis, though its files end with .ogg, too.",
        callers="Nothing at all: livekit-sip does not start.",
        fix="convert the file: ffmpeg -i FILE -ac 1 -ar 48000 -c:a libvorbis enter_pin.ogg",
    ),
    Code(
        code="PRM903",
        level=Level.WARN,
        title="Every file is played",
        cause="livekit-sip knows three names. A file with another one, or in a folder of a language, is never played.",
        callers="Nothing unusual: the prompt that livekit-sip was built with.",
        fix="give the file the name of the prompt that it is, in a folder for each build",
    ),
    Code(
        code="PRM904",
        level=Level.WARN,
        title="Prompts are neither empty nor long",
        cause="A prompt lasts under 0.3 or over 10 seconds. Digits typed while it is played are kept, at most"
        " ten of them.",
        callers="Silence where the prompt should be; or a long prompt, and a PIN of ten digits typed meanwhile is"
        " lost.",
        fix="record the prompt anew",
    ),
)
