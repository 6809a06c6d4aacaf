# Defaults of the environment, messages and time. Sourced by the entrypoint and the health check.

etc=${REDIS_HA_ETC:-/etc/redis-ha}
data=${REDIS_HA_DATA:-/data}
run=${REDIS_HA_RUN:-/tmp}
: "${redis_port=}" "${master_port=}" "${sentinel_port=}" "${announce_address=}" "${sentinels=}" "${data_nodes=}" "${sentinel_periods=}"
: "${swarm_host=}" "${swarm_places=}"
: "${master_address:=redis-master}" "${bind_address:=*}" "${protected_mode:=yes}" "${master_name:=mymaster}"
: "${quorum:=2}" "${sentinel_index:=0}" "${durability:=available}" "${node_name:=redis-ha}"
: "${handover_timeout:=5}" "${bootstrap_wait:=15}" "${fence_timeout:=60}"
tls_ca=$etc/node/tls-ca.crt tls_cert=$etc/node/tls.crt tls_key=$etc/node/tls.key
tls='' # 1: everything speaks TLS, and nothing listens without
[ ! -f "$tls_cert" ] || tls=1
fence=65535 # min-replicas-to-write of a master that may not accept writes yet

say() { printf 'redis-ha: %s\n' "$*" >&2; }

# fail CODE MESSAGE: 64 is a wrong call, 78 a wrong configuration (sysexits.h).
fail() {
	fail_code=$1
	shift
	say "$*"
	exit "$fail_code"
}

# clock: $now in hundredths of a second, without a process.
clock() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# doing STATE: what a node that does not serve yet is waiting for; the health check repeats it. Logged when it changes.
doing() {
	[ "$*" = "${doing_now-}" ] && return
	doing_now=$*
	if [ -n "$doing_now" ]; then
		say "$doing_now"
		printf '%s\n' "$doing_now" >"$run/redis-ha.state"
	else
		rm -f "$run/redis-ha.state"
	fi
}
