#!/bin/sh
# Write /srv/backup/DATE.tar.gz with everything that RUNBOOK.md restores, as root, while the hub runs. Folders are those
# of README.md and course.toml.
set -eu
umask 077
mkdir -p /srv/backup
cd /srv/backup

# SQLite makes a consistent copy of a database in use; a copy of its file is not one.
copy() {
    /usr/bin/python3 -c 'import sqlite3, sys
sqlite3.connect(f"file:{sys.argv[1]}?mode=rw", uri=True).backup(sqlite3.connect(sys.argv[2]))' "$1" "$2"
}
copy /srv/speech/speech/gradebook.db gradebook.db
copy /srv/jupyterhub/jupyterhub.sqlite jupyterhub.sqlite

# Files belong to the numbers of accounts, and people log in with the passwords of these.
cp /etc/passwd /etc/group /etc/shadow .

# Status 1 says that a file has changed while tar read it, as files of people at work do.
tar -czf unfinished.tar.gz --numeric-owner -C / \
    --exclude=srv/speech/speech/gradebook.db --exclude=srv/jupyterhub/jupyterhub.sqlite \
    --exclude=opt/speech/.venv --exclude=opt/speech/.git \
    srv/speech srv/nbgrader srv/jupyterhub home opt/speech \
    srv/backup/gradebook.db srv/backup/jupyterhub.sqlite srv/backup/passwd srv/backup/group srv/backup/shadow ||
    [ $? -eq 1 ]
mv unfinished.tar.gz "$(date +%F).tar.gz"
