#!/bin/sh
# Builds livekit-sip with other prompts: build.sh VERSION PROMPTS PROGRAM
# VERSION is one of livekit/sip without the v, PROMPTS a folder of .ogg files, PROGRAM what is written.
set -eu
version=$1 prompts=$2 program=$3
go=${GO:-go}

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for name in enter_pin.ogg wrong_pin.ogg room_join.ogg; do
  [ -f "$prompts/$name" ] || { echo "$prompts/$name is missing" >&2; exit 1; }
done

printf 'module prompts\n\ngo 1.26\n\nrequire github.com/livekit/sip v%s\n' "$version" > "$work/go.mod"
cd "$work"
"$go" mod download github.com/livekit/sip
source=$("$go" list -mod=mod -m -f '{{.Dir}}' github.com/livekit/sip)
cp -r "$source" sip
chmod -R u+w sip
cd - > /dev/null
cp "$prompts/enter_pin.ogg" "$prompts/wrong_pin.ogg" "$prompts/room_join.ogg" "$work/sip/res/"
cd "$work"
"$go" mod edit -replace github.com/livekit/sip=./sip
"$go" build -mod=mod -o livekit-sip github.com/livekit/sip/cmd/livekit-sip
cd - > /dev/null
mv "$work/livekit-sip" "$program"
