# A snapshot without an append-only file, as after `appendonly no`. With `appendonly yes` Redis would not look at it and
# start empty: it is loaded with that off, which is then turned on.

# find_snapshot: sets $snapshot where there is one to be loaded. Before write_config, which moves what it looks at.
find_snapshot() {
	snapshot=''
	if [ "$(setting appendonly "$data/.rendered.new")" != yes ] || data_is_whole; then return 0; fi
	snapshot_file=$(setting dbfilename "$data/.rendered.new")
	snapshot_file=$data/${snapshot_file:-dump.rdb}
	[ ! -s "$snapshot_file" ] || snapshot=$snapshot_file
}

# log_snapshot: turns the append-only file on, once everything is loaded: what comes later would not be in it.
log_snapshot() {
	here=$(local_node)
	while [ -n "$snapshot" ] && [ -z "$stop" ] && kill -0 "$server" 2>/dev/null; do
		ask 2 "$here" "INFO persistence"
		if grep -q '^loading:0' "$work/$here"; then
			ask 2 "$here" "CONFIG SET appendonly yes" "CONFIG REWRITE"
			if grep -q '^OK' "$work/$here"; then
				say "the append-only file now has what was in $snapshot"
				snapshot=''
			fi
		fi
		rest 0.1
	done
}
