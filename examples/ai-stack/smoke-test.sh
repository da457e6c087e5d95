#!/bin/sh
# Runs inside the image: the server starts with the model of the image and predicts.
set -eu
python3 /usr/lib/ai-stack/model-server.py /usr/lib/ai-stack/model.npz 8000 &
server=$!
trap 'kill $server' EXIT
python3 - <<'PY'
import json, time, urllib.request

for attempt in range(100):
    try:
        answer = json.load(urllib.request.urlopen("http://127.0.0.1:8000/predict?x=0.5", timeout=5))
        break
    except OSError:
        if attempt == 99:
            raise
        time.sleep(0.1)
assert abs(answer["y"] - 3.5) < 0.05, answer
PY
systemctl is-enabled model-server.service
