# Acting as the leader of a failover: an epoch of this node's own by the Sentinels' votes, as an elected leader has it, and
# the news of the new configuration by the message with which Sentinels tell one another.

# find_electors: $identities ("HOST:PORT ID", every Sentinel that another knows), $electors (those to ask), $known (how many
# there are in all). False with a single one: nobody could be named as the sender of the news.
find_electors() {
	ask 0.5 "$sentinels" "SENTINEL SENTINELS $master_name"
	replies "$sentinels"
	# shellcheck disable=SC2086
	identities=$(awk '
		FNR == 1 { key = "" }
		key == "" { if ($0 != "") key = $0; next }
		{ v[key] = $0 }
		key == "flags" && length(v["runid"]) == 40 && !seen[v["runid"]]++ { print v["ip"] ":" v["port"], v["runid"], (/s_down/ ? "down" : "up") }
		{ key = "" }' $reply_files)
	electors=$(
		{
			for peer in $sentinels; do [ ! -s "$work/$peer" ] || echo "$peer"; done
			echo "$identities" | awk '$3 == "up" { print $1 }'
		} | sort -u
	)
	known=$({ echo "$electors" && echo "$identities"; } | awk 'NF && !seen[$1]++ { n++ } END { print n + 0 }')
	[ -n "$identities" ]
}

# win_epoch "HOST PORT" EPOCH...: $claim, the first of these epochs for which a majority of the Sentinels (or, where fewer are
# left, all of them) have voted for this node in the place of the master at HOST PORT. From then on none of them starts a
# failover of its own for a while.
win_epoch() {
	disputed=$1
	shift
	replies "$electors"
	for claim; do
		voted=1
		# shellcheck disable=SC2086
		ask 0.3 "$electors" "SENTINEL IS-MASTER-DOWN-BY-ADDR $disputed $claim $run_id"
		# shellcheck disable=SC2086
		awk -v id="$run_id" -v claim="$claim" -v known="$known" '
			FNR == 2 { leader = $0 }
			FNR == 3 { if (leader == id && $0 == claim) votes++; else refused++ }
			END { exit !(votes * 2 > known || votes && !refused) }' $reply_files || continue
		electors=$(for peer in $electors; do [ ! -s "$work/$peer" ] || echo "$peer"; done) # the silent ones hear it from these
		return 0
	done
	return 1
}

# name_senders: for each of $electors, another Sentinel that it knows; in that one's name it is told the news.
name_senders() {
	for peer in $electors; do
		echo "$identities" | while read -r address id _; do
			[ "$address" = "$peer" ] || { echo "${address%:*},${address##*:},$id" && break; }
		done >"$work/$peer.sender"
	done
}

# news: the message for Sentinel $peer that $target is the master since epoch $claim.
news() {
	read -r sender <"$work/$peer.sender"
	printf 'PUBLISH __sentinel__:hello %s,%s,%s,%s,%s' "$sender" "$claim" "$master_name" "${target%:*},${target##*:}" "$claim"
}
