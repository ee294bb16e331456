#!/bin/sh
# sudo make uninstall: the service goes, the data stay; PURGE=1: they go, too.
set -eu
[ "$(id -u)" = 0 ] || {
	echo "postbrush: this removes a service: sudo make uninstall" >&2
	exit 2
}

for unit in postbrush-backup.timer postbrush-backup.service postbrush.service; do
	systemctl disable --now --quiet "$unit" 2>/dev/null || true
done
rm -f /etc/systemd/system/postbrush.service /etc/systemd/system/postbrush-backup.service \
	/etc/systemd/system/postbrush-backup.timer /etc/systemd/system/postbrush-failure@.service \
	/usr/local/bin/postbrush
systemctl daemon-reload
systemctl reset-failed 'postbrush*' 2>/dev/null || true
rm -rf /opt/postbrush

if [ "${PURGE:-}" = 1 ]; then
	rm -rf /var/lib/private/postbrush /var/lib/postbrush /etc/postbrush \
		/etc/systemd/system/postbrush.service.d \
		/etc/systemd/system/postbrush-*.d
	rm -f /etc/credstore/postbrush.*
	echo "== removed, with images, database, configuration and tokens"
else
	echo "== removed.  Kept, and found again by another install:"
	echo "   /var/lib/postbrush           images, database, backups"
	echo "   /etc/postbrush               configuration"
	echo "   /etc/credstore/postbrush.*   tokens"
	echo "   sudo make uninstall PURGE=1 removes these as well."
fi
