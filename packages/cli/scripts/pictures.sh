#!/usr/bin/env bash
# Draws the terminal pictures of the documentation from real runs, in folders of their own. Needs `script` (util-linux).
#
#   npx -y pnpm@12 exec bash packages/cli/scripts/pictures.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
work="$(mktemp -d)"
export RESOURCE_MANAGER_RUNTIME_DIR="$work/run" RESOURCE_MANAGER_STATE_DIR="$work/state" XDG_CONFIG_HOME="$work/config"
unset CI NO_COLOR

rm_() { node packages/cli/src/bin.ts "$@"; }
picture() { node packages/cli/scripts/terminal-picture.ts "$@"; }
on_terminal() { script -qec "stty columns $1 rows $2; $3" /dev/null; }
trap 'rm_ stop --yes >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# From the package to the first command, on a machine that knows nothing of it: no settings, and no daemon.
npx -y pnpm@12 -C packages/cli pack --pack-destination "$work/clone/packages/cli" >/dev/null
(
  export npm_config_prefix="$work/prefix" npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
  export XDG_CONFIG_HOME="$work/nothing" PATH="$work/prefix/bin:$PATH" FORCE_COLOR=1
  cd "$work/clone"
  # As typed; each begins on a line of its own.
  typed() { printf '\033[2m$\033[0m \033[1m%s\033[0m\n' "$1" && bash -c "$1" 2>&1 && echo; }
  typed "npm install --global packages/cli/$(basename packages/cli/*.tgz)"
  typed "resource-manager --version"
  typed "resource-manager run --agent me --memory 2GiB -- echo 'my turn'"
  typed "resource-manager agents list"
  resource-manager stop --yes >/dev/null
) >"$work/install.out"
picture --columns 100 --title "Installing resource-manager, and a first command under a lease" --out docs/images/install.svg <"$work/install.out"

mkdir -p "$work/config/resource-manager"
cat >"$work/config/resource-manager/config.yaml" <<'YAML'
pools:
  cpu: { capacity: 8 }
  memory: { capacity: 16GiB }
  api: { capacity: 4, unit: calls, rate: "30/minute:4" }
quotas:
  crawler: { cpu: 2, memory: 4GiB }
plugins: {}
YAML

rm_ serve >"$work/serve.log" 2>&1 &
until rm_ status >/dev/null 2>&1; do :; done
background() { rm_ run "$@" >/dev/null 2>&1 & }
waiting() { until [ "$(rm_ waiters list --json | grep -c '"waitedMillis"')" -ge "$1" ]; do :; done; }
held() { until [ "$(rm_ leases list --json | grep -c '"heldMillis"')" -ge "$1" ]; do :; done; }

background --agent build --cpu 4 --memory 8GiB -- sleep 300
background --agent claude-1 --cpu 2 --memory 4GiB -- sleep 300
background --agent crawler --cpu 1 --memory 2GiB --resource api=2 -- sleep 300
held 3
background --agent tests --cpu 4 --memory 4GiB --timeout 10m -- true
waiting 1
background --agent claude-2 --cpu 1 --memory 1GiB -- sleep 300
waiting 2

FORCE_COLOR=1 rm_ why tests |
  picture --columns 110 --command "resource-manager why tests" --title "resource-manager why: every reason at once, and the command that would help" --out docs/images/why.svg
(for _ in 1 2 3 4 5 6; do read -rt 1 <> <(:) || :; done; printf q) | on_terminal 110 30 "node packages/cli/src/bin.ts top" |
  picture --columns 110 --rows 30 --screen --command "resource-manager top" --title "resource-manager top: pools as bars, agents, waiters and leases" --out docs/images/top.svg

# One that waits, and runs when another ends.
(on_terminal 110 12 "node packages/cli/src/bin.ts run --agent docs --cpu 3 -- echo 'the documentation is built'" >"$work/run.out") &
docs=$!
waiting 3
for _ in 1 2 3; do read -rt 1 <> <(:) || :; done
cp "$work/run.out" "$work/run.waiting"
for lease in $(rm_ leases list --json | grep -o '"id": [0-9]*' | grep -o '[0-9]*'); do rm_ leases revoke "$lease" --yes >/dev/null; done
wait "$docs"
{
  # The line that was updated in place while it waited, then what came in its place.
  tr '\r' '\n' <"$work/run.waiting" | grep waits | tail -1 || true
  tr '\r' '\n' <"$work/run.out" | grep -v waits | grep '[[:alnum:]]' || true
} | picture --columns 110 --command "resource-manager run --agent docs --cpu 3 -- echo 'the documentation is built'" --title "resource-manager run: it waits, says why, and runs" --out docs/images/run.svg

rm_ stop --yes >/dev/null 2>&1 || true
on_terminal 120 44 "node packages/cli/src/bin.ts up apps/examples/up/workstation.yaml" >"$work/up.out"
picture --columns 120 --rows 44 --command "resource-manager up apps/examples/up/workstation.yaml" --title "resource-manager up: twelve agents on two processors, from start to summary" --out docs/images/up.svg <"$work/up.out"
