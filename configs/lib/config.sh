# The configuration files: template, then the settings' directives, then what only this container may read.

# render TEMPLATE: fills it in on stdout. Every variable must be exported; a line that names an empty one is left out.
render() {
	awk '
		/^[ \t]*(#|$)/ { next }
		{
			line = $0; out = ""; drop = 0
			while (match(line, /\$[A-Za-z_][A-Za-z_0-9]*/)) {
				name = substr(line, RSTART + 1, RLENGTH - 1)
				if (!(name in ENVIRON)) { print "redis-ha: " FILENAME ", line " FNR ": nothing is known as $" name > "/dev/stderr"; exit 78 }
				if (ENVIRON[name] == "") drop = 1
				out = out substr(line, 1, RSTART - 1) ENVIRON[name]
				line = substr(line, RSTART + RLENGTH)
			}
			if (!drop) print out line
		}' "$1" || exit 78
	[ -z "$tls" ] || tls_lines
	if [ -f "$etc/node/directives.conf" ]; then cat "$etc/node/directives.conf" || exit 78; fi
	if [ -f "$etc/node/users.acl" ]; then printf 'aclfile %s\n' "$etc/node/users.acl"; fi
}

# ports PORT: exports those of the templates.
ports() {
	if [ -n "$tls" ]; then plain_port=0 tls_port=$1; else plain_port=$1 tls_port=''; fi
	export plain_port tls_port
}

# tls_lines: for clients, replication and Sentinels alike. Clients need no certificate of their own, unless the settings'
# directives, which come later, say so.
tls_lines() {
	printf 'tls-ca-cert-file %s\ntls-cert-file %s\ntls-key-file %s\n' "$tls_ca" "$tls_cert" "$tls_key"
	printf 'tls-replication yes\ntls-auth-clients no\n'
}

# setting NAME FILE: the value of a directive, the last one where it is repeated.
setting() { awk -v name="$1" 'tolower($1) == name { $1 = ""; value = substr($0, 2) } END { print value }' "$2"; }

# render_node: the data node's configuration, without its role.
render_node() {
	announce_port=${announce_address:+$redis_port}
	ports "$redis_port"
	export announce_port bind_address protected_mode data announce_address
	render "$etc/redis.conf" || exit 78
	[ -z "$secret" ] || printf 'masteruser replication\nmasterauth "%s"\n' "$secret"
}

# write_config "HOST PORT"|"": $data/redis.conf with that master, or none. What CONFIG REWRITE has put there
# is kept for as long as the settings are the same; a fence that it has caught is not.
write_config() {
	write_from=$data/.rendered.new
	if [ -f "$data/redis.conf" ] && cmp -s "$data/.rendered" "$data/.rendered.new"; then write_from=$data/redis.conf; fi
	{
		awk -v fence="$fence" '
			tolower($1) ~ /^(replicaof|slaveof)$/ { next }
			$1 == "min-replicas-to-write" && $2 == fence { next }
			{ print }' "$write_from"
		! grep -q "^min-replicas-to-write $fence" "$write_from" || grep '^min-replicas-to-write' "$data/.rendered.new"
		[ -z "$1" ] || printf 'replicaof %s\n' "$1"
	} >"$data/redis.conf.new" && mv "$data/redis.conf.new" "$data/redis.conf" && mv "$data/.rendered.new" "$data/.rendered" ||
		fail 74 "cannot write to $data"
}
