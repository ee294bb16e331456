#!/bin/sh
# sudo make install: the service, its command, its configuration; again: an upgrade.
#
# Each version has an environment of its own in /opt/postbrush, and `current` says
# which one counts.  A new one that does not get ready is taken back, its database too.
set -eu
umask 022
cd "$(dirname "$0")/.."

top=/opt/postbrush
current=$top/current
units=/etc/systemd/system
settings=/etc/postbrush/postbrush.toml
data=/var/lib/postbrush
wheels=$PWD/wheelhouse

say() { echo "== $*"; }
die() {
	echo "postbrush: $*" >&2
	exit 2
}

[ "$(id -u)" = 0 ] || die "this installs a service: sudo make install"
[ -d /run/systemd/system ] || die "systemd does not run here: use \`make run\` instead"

container="or run postbrush as a container: docs/container.md"
systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
# Older ones do not look into /etc/credstore, so that no token would arrive.
[ "$systemd" -ge 252 ] ||
	die "this machine has systemd $systemd, and the service needs 252 or newer: upgrade to Debian 12, Ubuntu 24.04 or newer, $container"

# Not one from a home folder: the service cannot see those.
python=
for found in /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3 /usr/local/bin/python3; do
	"$found" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
	python=$found && break
done
if [ -z "$python" ]; then
	has=$(python3 --version 2>/dev/null || echo "no Python")
	die "Python 3.11 or newer with its venv module is missing (this machine has $has): apt install python3 python3-venv, on an older release python3.11 python3.11-venv, $container"
fi
# The libraries have ready-made wheels for 64 bits only, and building them takes hours.
[ "$(getconf LONG_BIT)" = 64 ] ||
	die "this system has 32 bits, and postbrush needs 64: install the 64-bit edition (on a Raspberry Pi: Raspberry Pi OS (64-bit))"

# Two at once would take each other's folders away.
exec 9>/run/postbrush-install.lock
flock --nonblock 9 || die "another install is under way: wait for it"

old=$(readlink "$current" 2>/dev/null || true)
new=$top/$(date +%Y%m%d-%H%M%S)
active=$(systemctl is-active postbrush.service 2>/dev/null || true)
# An upgrade that was killed had stopped it.
if [ -e "$top/upgrading" ]; then active=active; fi

# Asked for, or had before.
wants_notifications() {
	[ "${NOTIFY:-}" = 1 ] || { [ -n "$old" ] && "$old/bin/python" -c 'import apprise' 2>/dev/null; }
}

wants_postgres() {
	[ "${POSTGRES:-}" = 1 ] || { [ -n "$old" ] && "$old/bin/python" -c 'import psycopg' 2>/dev/null; }
}

wants_store() {
	[ "${S3:-}" = 1 ] || { [ -n "$old" ] && "$old/bin/python" -c 'import obstore' 2>/dev/null; }
}

build() {
	say "making $new with $python"
	"$python" -m venv "$new"
	set -- --quiet --disable-pip-version-check
	if [ -d "$wheels" ]; then set -- "$@" --no-index --find-links "$wheels"; fi
	"$new/bin/python" -m pip install "$@" --require-hashes -r requirements.lock
	"$new/bin/python" -m pip install "$@" --no-build-isolation --no-deps .
	if wants_notifications; then
		"$new/bin/python" -m pip install "$@" --require-hashes -r daemon/service/notify.lock
	fi
	if wants_postgres; then
		"$new/bin/python" -m pip install "$@" --require-hashes -r db/postgres.lock
	fi
	if wants_store; then
		"$new/bin/python" -m pip install "$@" --require-hashes -r daemon/imaging/store/s3.lock
	fi
	mkdir "$new/systemd"
	cp systemd/*.service systemd/*.timer systemd/postbrush "$new/systemd/"
	cp -R README.md CHANGELOG.md docs "$new/"
	"$new/bin/postbrush" --version
}

# Whoever has masked a unit keeps it so.
is_masked() { [ "$(readlink "$1")" = /dev/null ]; }

install_unit() {
	if is_masked "$2"; then return; fi
	install -m 644 "$1" "$2"
	# It brings what there is; LoadCredential logs a line for each secret that is not.
	if [ "$systemd" -ge 254 ]; then
		sed -i -e '0,/^LoadCredential=/s/^LoadCredential=.*/ImportCredential=postbrush.*/' \
			-e '/^LoadCredential=/d' "$2"
	fi
}

# Everything that is outside of the environment comes from it.
switch_to() {
	ln -sfn "$1" "$current"
	for unit in "$1"/systemd/*.service "$1"/systemd/*.timer; do
		install_unit "$unit" "$units/${unit##*/}"
	done
	install -D -m 755 "$1/systemd/postbrush" /usr/local/bin/postbrush
	systemctl daemon-reload
}

# The old version knows the old names only, so it gets its file back with its program.
rename_settings() {
	cp -p "$settings" "$new/before.toml"
	"$new/bin/postbrush" --config "$settings" config --migrate | grep " is now " || true
}

put_back_settings() { [ ! -e "$new/before.toml" ] || cp -p "$new/before.toml" "$settings"; }

# Until it is `done`, whatever ends this script puts things as they were.
phase=build
put_back() {
	code=$?
	trap - EXIT INT TERM HUP
	case $phase in
	build)
		put_back_settings
		rm -rf "$new"
		[ "$code" = 0 ] || [ -z "$old" ] || echo "postbrush: nothing was changed; the old version stays" >&2
		;;
	upgrade) take_back ;;
	esac
	exit "$code"
}

take_back() {
	say "the new version did not start; the journal says:"
	journalctl --unit postbrush.service --lines 15 --no-pager --output cat >&2 || true
	systemctl stop postbrush.service || true
	systemctl reset-failed postbrush.service 2>/dev/null || true
	# It never began to work: what the old version had is all there is.
	if [ -e "$new/before/whole" ]; then
		rm -f "$data"/postbrush.db*
		cp -a "$new"/before/postbrush.db* "$data/"
	fi
	put_back_settings
	switch_to "$old"
	rm -rf "$new"
	systemctl start postbrush.service || die "the old version does not start either: journalctl -u postbrush"
	rm -f "$top/upgrading"
	echo "postbrush: the upgrade was taken back, and the old version runs" >&2
	exit 1
}

trap put_back EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$top"
build
mkdir -p /etc/postbrush
[ -d /etc/credstore ] || install -d -m 700 /etc/credstore
[ -e "$settings" ] || cat >"$settings" <<EOF
# postbrush.toml: \`sudo postbrush init\` fills it in.
# Every setting there is, with its default: \`postbrush config --example\`
EOF

if [ -n "$old" ]; then rename_settings; fi
if [ "$active" = active ] && [ -n "$old" ]; then
	# It would stop a healthy service, and no version could start again.
	config=$(POSTBRUSH_PROGRAM=$new/bin/postbrush sh "$new/systemd/postbrush" config --json) ||
		die "the new version does not accept the settings: correct what is named above, then run sudo make install again"
	data=$(echo "$config" | "$python" -c 'import json, sys
print({row["key"]: row["value"] for row in json.load(sys.stdin)}["data_dir (resolved)"])')
	say "upgrading: images that are being generated are finished first"
	: >"$top/upgrading"
	phase=upgrade
	systemctl stop postbrush.service
	mkdir "$new/before"
	# With PostgreSQL there is no file; what its server has is not ours to put back.
	if [ -e "$data/postbrush.db" ]; then
		cp -a "$data"/postbrush.db* "$new/before/"
		: >"$new/before/whole"
	fi
	switch_to "$new"
	systemctl reset-failed postbrush.service 2>/dev/null || true
	systemctl start postbrush.service
	phase=done
	rm -rf "$new/before" "$top/upgrading"
else
	phase=done
	switch_to "$new"
fi
rm -f "$new/before.toml"
# An upgrade leaves them as their owner has set them.
if [ -z "$old" ]; then
	for unit in postbrush.service postbrush-backup.timer; do
		is_masked "$units/$unit" || systemctl enable --quiet "$unit"
	done
	is_masked "$units/postbrush-backup.timer" || systemctl start postbrush-backup.timer
fi

# One to go back to by hand, and no more.
for folder in "$top"/*-*; do
	case $folder in "$new" | "$old") ;; *) rm -rf "$folder" ;; esac
done

if [ "$active" = active ]; then
	say "upgraded; it is running: sudo postbrush status"
elif [ -n "$old" ]; then
	say "upgraded; postbrush was not running before. To start it: sudo systemctl start postbrush"
elif [ -e /etc/credstore/postbrush.NOTION_TOKEN ] && ! is_masked "$units/postbrush.service"; then
	systemctl start postbrush.service
	say "installed; it is running: sudo postbrush status"
else
	say "installed. Set it up with five questions: sudo postbrush init"
fi
