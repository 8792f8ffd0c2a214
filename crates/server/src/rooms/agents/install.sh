#!/bin/sh
# Installs the Postern agent: install.sh SERVER PIN, with the enrolment token in POSTERN_AGENT_TOKEN.
# PREFIX (default /) puts everything under another folder, without starting anything.
set -eu

server=${1:?usage: install.sh SERVER PIN}
pin=${2:?usage: install.sh SERVER PIN}
token=${POSTERN_AGENT_TOKEN:?POSTERN_AGENT_TOKEN must hold the enrolment token}
prefix=${PREFIX:-}
bin=$prefix/usr/local/bin
data=$prefix/var/lib/postern-agent
etc=$prefix/etc/postern-agent

if [ "$(uname -s)" != Linux ]; then
  echo "postern-agent: this installer is for Linux" >&2
  exit 1
fi
if [ -z "$prefix" ] && [ "$(id -u)" != 0 ]; then
  echo "postern-agent: run this as root, or set PREFIX to a folder of your own" >&2
  exit 1
fi

umask 077
mkdir -p "$bin" "$data" "$etc"
curl -fsSk --pinnedpubkey "$pin" "$server/agent/postern-agent" -o "$bin/postern-agent.new"
chmod 755 "$bin/postern-agent.new"
mv "$bin/postern-agent.new" "$bin/postern-agent"
printf 'server = "%s"\ntoken = "%s"\ndata = "%s"\n' "$server" "$token" "$data" >"$etc/agent.toml"

if [ -z "$prefix" ] && [ -d /run/systemd/system ]; then
  cat >/etc/systemd/system/postern-agent.service <<UNIT
[Unit]
Description=Postern agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=$bin/postern-agent run --config $etc/agent.toml
Restart=always
RestartSec=5
# Running jobs outlive a restart of the agent.
KillMode=process
Delegate=yes

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now postern-agent.service
  echo "postern-agent: installed and started; see: systemctl status postern-agent"
else
  echo "postern-agent: installed; start it with:"
  echo "  $bin/postern-agent run --config $etc/agent.toml"
fi
