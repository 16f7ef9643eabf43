#!/bin/sh
# Makes this machine a GoCD agent that tries models on its Coral. Run it as root in a clone of this repository; a second
# run changes only what is not yet so.
#   ci/agents/coral-agent.sh [--dry-run] [--server URL --key-file FILE [--environments A,B]]
# Debian and Raspberry Pi OS 12 and 13, Ubuntu 22.04 and 24.04, 64 bits: there are libraries for these (pairs.json). Without --server everything but
# GoCD's agent is set up. --dry-run prints what would be done, and changes nothing.
set -eu

usage='usage: coral-agent.sh [--dry-run] [--server URL --key-file FILE [--environments A,B]]'
# For tests: files are written below this folder.
base=${EDGETRAIN_SYSTEM_ROOT:-}
state=$base/var/lib/edgetrain
agent=$base/var/lib/go-agent
keyrings=$base/usr/share/keyrings
is_changed=''
dry_run=''
server=''
key_file=''
environments=''

fail() {
    echo "coral-agent.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry_run=yes ;;
        --help)
            echo "$usage"
            exit 0
            ;;
        --server | --key-file | --environments)
            [ $# -gt 1 ] || fail "$1 has no value. $usage"
            case $1 in
                --server) server=$2 ;;
                --key-file) key_file=$2 ;;
                --environments) environments=$2 ;;
            esac
            shift
            ;;
        *) fail "\"$1\" is not understood. $usage" ;;
    esac
    shift
done

# Runs a command, or prints it.
run() {
    if [ -n "$dry_run" ]; then
        echo "would run: $*"
    else
        "$@"
    fi
}

# Writes its input to a file, whole or not at all, unless the file says the same already: put FILE MODE OWNER.
put() {
    if [ -n "$dry_run" ]; then
        echo "would write: $1 (mode $2, $3)"
        sed 's/^/    /; s/^\( *agent\.auto\.register\.key=\).*/\1(the key)/'
        return
    fi
    (umask 077 && cat >"$1.new")
    chown "$3" "$1.new"
    chmod "$2" "$1.new"
    if cmp -s "$1.new" "$1"; then
        rm "$1.new"
    else
        mv "$1.new" "$1"
        is_changed=yes
    fi
}

# Adds a key that apt trusts for one source only: trust NAME URL.
trust() {
    if [ -n "$dry_run" ]; then
        echo "would fetch: $2 as $keyrings/$1.gpg"
    elif [ ! -s "$keyrings/$1.gpg" ]; then
        curl --fail --silent --show-error --location --output "$keyrings/$1.asc" "$2"
        gpg --batch --yes --dearmor --output "$keyrings/$1.gpg" "$keyrings/$1.asc"
        chmod 0644 "$keyrings/$1.gpg"
    fi
}

# What it does not know it refuses, before anything is changed.
release=${EDGETRAIN_OS_RELEASE:-/etc/os-release}
[ -r "$release" ] || fail "$release: not there. This script knows Debian, Ubuntu and Raspberry Pi OS; see docs/coral.md."
system=$(
    # shellcheck source=/dev/null
    . "$release"
    echo "${ID:-} ${VERSION_ID:-}"
)
case $system in
    # Raspberry Pi OS calls itself debian if it has 64 bits, and raspbian if it has 32.
    'debian 12' | 'debian 13' | 'ubuntu 22.04' | 'ubuntu 24.04') ;;
    *) fail "$release: \"$system\" is not Debian or Raspberry Pi OS 12 or 13 or Ubuntu 22.04 or 24.04 of 64 bits. Set it up by hand: docs/coral.md." ;;
esac
machine=$(uname -m)
case $machine in
    x86_64 | aarch64) ;;
    *) fail "processor $machine: there is no Edge TPU library for it in pairs.json. Use x86_64 or aarch64." ;;
esac
if [ -n "$server" ]; then
    case $server in
        http://*/go | https://*/go) ;;
        *) fail "--server $server: GoCD's address ends in /go, such as https://gocd.example.org/go." ;;
    esac
    [ -s "$key_file" ] || fail "--key-file \"$key_file\": no key there. Write agentAutoRegisterKey of the server into a file."
elif [ -n "$key_file$environments" ]; then
    fail "--key-file and --environments are for an agent. Name the server, too: --server URL."
fi
[ -n "$dry_run" ] || [ "$(id -u)" = 0 ] || fail "you are not root. Use sudo, or --dry-run to see what it would do."
root=$(CDPATH='' cd -P "$(dirname "$0")/../.." && pwd)

export DEBIAN_FRONTEND=noninteractive
run apt-get update
run apt-get install --yes --no-install-recommends ca-certificates curl git git-lfs gnupg python3 python3-venv usbutils
run git lfs install --system --skip-repo

if [ -n "$server" ]; then
    trust gocd https://download.gocd.org/GOCD-GPG-KEY.asc
    put "$base/etc/apt/sources.list.d/gocd.list" 0644 root:root <<EOF
deb [signed-by=/usr/share/keyrings/gocd.gpg] https://download.gocd.org /
EOF
    run apt-get update
    run apt-get install --yes go-agent
elif ! id go >/dev/null 2>&1; then
    run useradd --system --create-home --home-dir "$agent" --shell /bin/sh go
fi

# The device, for the user that runs the jobs. It has one identity before a program has used it, and another one after.
run groupadd --force --system plugdev
run groupadd --force --system apex
run usermod --append --groups plugdev,apex go
put "$base/etc/udev/rules.d/99-edgetrain-coral.rules" 0644 root:root <<'EOF'
SUBSYSTEM=="usb", ATTRS{idVendor}=="1a6e", ATTRS{idProduct}=="089a", MODE="0664", GROUP="plugdev"
SUBSYSTEM=="usb", ATTRS{idVendor}=="18d1", ATTRS{idProduct}=="9302", MODE="0664", GROUP="plugdev"
SUBSYSTEM=="apex", MODE="0660", GROUP="apex"
EOF
run udevadm control --reload-rules
run udevadm trigger

# The interpreter and libedgetpu that were built for each other; the second is a Debian package, which root installs.
run install --directory --owner go --mode 0755 "$state" "$state/environments"
cd "$root"
[ -n "$dry_run" ] || runuser --user go -- test -r ci/inv ||
    fail "$root: the user go cannot read it. Clone the repository into a folder that everybody can read, such as /opt."
run runuser --user go -- env "EDGETRAIN_ENV_DIR=$state/environments" "HOME=$agent" ci/inv --profile device ci.coral
if [ -n "$dry_run" ]; then
    echo "would run: apt-get install --yes $state/environments/device-*/coral/*.deb (the newest)"
else
    # shellcheck disable=SC2012 # names without surprises, made by ci.coral
    package=$(ls -t "$state"/environments/device-*/coral/*.deb | head -n 1)
    [ -n "$package" ] || fail "$state/environments: ci.coral left no Debian package there. See what it said above."
    apt-get install --yes "$package"
fi

if [ -n "$server" ]; then
    wrapper=$base/usr/share/go-agent/wrapper-config/wrapper-properties.conf
    [ ! -e "$wrapper" ] || run cp --no-clobber --preserve "$wrapper" "$wrapper.original"
    is_changed=$dry_run
    put "$wrapper" 0644 root:root <<EOF
# Written by edgetrain's ci/agents/coral-agent.sh.
wrapper.app.parameter.100=-serverUrl
wrapper.app.parameter.101=$server
set.EDGETRAIN_ENV_DIR=$state/environments
EOF
    run install --directory --owner go --mode 0755 "$agent/config"
    registration=$agent/config/autoregister.properties
    # The agent takes the key out when the server has accepted it, and never looks at another one.
    if [ -e "$registration" ] && ! grep -q '^agent\.auto\.register\.key' "$registration"; then
        echo "$registration: the agent is registered; the server says what its resources and environments are."
    else
        put "$registration" 0600 go <<EOF
agent.auto.register.key=$(cat "$key_file")
agent.auto.register.resources=coral
agent.auto.register.environments=$environments
agent.auto.register.hostname=$(uname -n)
EOF
    fi
    # Only if need be: it ends the job that runs.
    [ -z "$is_changed" ] || run systemctl restart go-agent
fi

run runuser --user go -- env "EDGETRAIN_ENV_DIR=$state/environments" "HOME=$agent" ci/inv doctor --profile device
