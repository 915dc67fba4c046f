#!/usr/bin/env bash
# observe.sh BINARY: notifications and metrics of a run, received by programs that are not ours: Python's http.server and hmac, the parser of
# Prometheus's Python client, curl and jq as in docs/notify.md. As root it installs Debian's packages where they are missing.
set -uo pipefail
binary=$(realpath "${1:?usage: compat/observe.sh BINARY}") || exit 2
docs=$(realpath "$(dirname "$0")/../docs/notify.md") || exit 2
tmp=$(mktemp -d) || exit 2
servers=()
finish() {
	for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp" || exit 2
python=/usr/bin/python3
if [ "$(id -u)" = 0 ] && ! { "$python" -c 'import prometheus_client' && command -v jq && command -v curl; } >/dev/null 2>&1; then
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-prometheus-client jq curl; } >apt.log 2>&1 ||
		{ echo "FAIL observe: cannot be installed: $(tail -n 1 apt.log)" && exit 1; }
fi
cat >receive.py <<'PY'
# A web hook, which refuses the first request, and an SMTP server: what they get is in hook.jsonl and mail.txt.
import http.server, json, socketserver, sys, threading
class Hook(http.server.BaseHTTPRequestHandler):
    refused = False
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = 200 if Hook.refused else 503
        Hook.refused = True
        if status == 200:
            with open("hook.jsonl", "a") as f:
                f.write(json.dumps({"path": self.path, "signature": self.headers.get("Quarry-Signature"), "body": body.decode()}) + "\n")
        self.send_response(status)
        self.end_headers()
    def log_message(self, *_):
        pass
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        def say(line):
            self.wfile.write(line.encode() + b"\r\n")
        say("220 test")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                say("354 go")
                with open("mail.txt", "ab") as f:
                    while (text := self.rfile.readline()) != b".\r\n":
                        f.write(text)
            if line == b"QUIT":
                return say("221 bye")
            say("250 ok")
web, mail = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook), socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
threading.Thread(target=mail.serve_forever, daemon=True).start()
print(web.server_port, mail.server_address[1], flush=True)
web.serve_forever()
PY
"$python" receive.py >ports &
servers+=("$!")
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
read -r web mail <ports
for i in $(seq 120); do echo "{\"id\":\"$i\",\"title\":\"HOSTILE $i\",\"content\":\"<p>HOSTILE stone number $i is cut from the face of a hill.</p>\"}"; done >docs.jsonl
code=0
check() { # check NAME COMMAND…
	local name=$1
	shift
	if "$@" >check.log 2>&1; then echo "ok   observe: $name"; else
		echo "FAIL observe: $name: $(tail -n 3 check.log | tr '\n' ' ')"
		code=1
	fi
}

# A signed web hook, by the function of docs/notify.md.
export HOOK=http://127.0.0.1:$web/services/SECRET?x=SECRET HOOK_KEY=k3y
"$binary" run docs.jsonl --dir hooked --pilot 10 --notify env:HOOK --notify-key-env HOOK_KEY >hooked.log 2>&1 || tail -n 3 hooked.log
sed -n '/^```python/,/^```/p' "$docs" | sed '/^```/d' >verify.py
signed() { "$python" -c '
import json
from verify import verified
got = [json.loads(line) for line in open("hook.jsonl")]
kinds = [json.loads(g["body"])["kind"] for g in got]
assert kinds == ["pilot", "end"], kinds
assert all(verified(b"k3y", g["signature"], g["body"].encode()) for g in got)
assert not verified(b"other", got[0]["signature"], got[0]["body"].encode())
'; }
check 'a web hook gets each event, signed, though it refused the first request' signed
check 'neither files nor messages have the path of a URL' sh -c '! grep -r SECRET hooked.log hooked/quarry.log hooked/notify'

# The commands of docs/notify.md, with these servers in place of Slack and of a mail server.
export SLACK_WEBHOOK=http://127.0.0.1:$web/slack SMTP_URL=smtp://127.0.0.1:$mail
sed -n "s/^quarry run articles.jsonl --notify '\(.*\)'$/\1/p" "$docs" >commands
"$binary" run docs.jsonl --dir slack --notify "$(sed -n 1p commands)" >slack.log 2>&1
check "the command for Slack of docs/notify.md posts an object with a text" sh -c 'grep slack hook.jsonl | tail -n 1 | jq -e ".body | fromjson | .text | startswith(\"Quarry: done: 120 documents\")"'
"$binary" run docs.jsonl --dir mailed --notify "$(sed -n 2p commands)" >mailed.log 2>&1
check 'the command for mail of docs/notify.md sends a message' sh -c 'grep "Subject: Quarry: end" mail.txt && grep "done: 120 documents" mail.txt'

# Metrics of a run under way and of one that has ended, by the parser of Prometheus.
eval "$("$binary" local --detach --dir local --state-delay 2s)"
"$binary" setup --target aws --yes >setup.log 2>&1
port=$((20000 + RANDOM % 12000)) # below those that connections get
"$binary" run docs.jsonl --dir measured --target aws --yes --pilot 0 --metrics-addr 127.0.0.1:$port >measured.log 2>&1 &
run=$!
for _ in $(seq 300); do curl -sf 127.0.0.1:$port/metrics >page 2>/dev/null && grep -q 'quarry_jobs{' page && break; sleep 0.1; done
cp page during
"$binary" watch --dir measured --metrics-addr 127.0.0.1:$((port + 1)) >watched.log 2>&1 &
watch=$!
servers+=("$watch")
wait $run
"$binary" run docs.jsonl --dir measured --target aws --yes --pilot 0 --metrics-addr 127.0.0.1:$port >>measured.log 2>&1
wait $watch
"$binary" local --stop --dir local >/dev/null 2>&1
measured() { "$python" -c '
from prometheus_client.parser import text_string_to_metric_families as parse
text = open("during").read()
families = {f.name: f for f in parse(text)}
jobs = families["quarry_jobs"].samples
assert sum(s.value for s in jobs) == 1 and jobs[0].labels["status"], jobs
assert sum(s.value for s in families["quarry_shard_records"].samples) == 120
assert families["quarry_run_done"].samples[0].value == 0
assert all(f.type == "gauge" and f.documentation for f in families.values())
assert "HOSTILE" not in text
documented = open("'"$docs"'".replace("notify.md", "metrics.md")).read()
missing = [name for name in families if f"`{name}`" not in documented]
assert not missing, missing
'; }
check "the parser of Prometheus reads the metrics of a run, which docs/metrics.md lists" measured
check 'watch shows the run until it has ended' grep -q 'records: 120 of 120 processed' watched.log
exit "$code"
