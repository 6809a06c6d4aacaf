# shellcheck shell=bash
# What mmdebstrap needs to make a Debian root as this machine's own apt would: the tool, keys, mirror and options.
# Source it after lib.sh; it runs nothing.

# debian_ready: mmdebstrap and Debian's archive keys are there; sets debian_keyring.
debian_ready() {
    local tool
    for tool in mmdebstrap apt-config; do
        command -v "$tool" >/dev/null 2>&1 && continue
        can_apt || die "$tool is not installed: as root, apt-get install mmdebstrap"
        apt_install mmdebstrap debian-archive-keyring
    done
    for debian_keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [ -e "$debian_keyring" ] && return
    done
    can_apt || die "Debian's archive keys are not installed: as root, apt-get install debian-archive-keyring"
    apt_install debian-archive-keyring
    for debian_keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
        [ -e "$debian_keyring" ] && return
    done
    die "Debian's archive keys are not in the package debian-archive-keyring"
}

# The address that this machine's apt already uses for Debian's archive (LABEL Debian or
# Debian-Security); nothing on other distributions, where mmdebstrap's own default is used.
_mirror_of() {
    # shellcheck disable=SC2016  # apt expands these itself
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v label="$1" '$1 == label && $2 ~ /^https?:/ { sub(/\/$/, "", $2); print $2; exit }'
}

# debian_sources SUITE: sets debian_lists, the lines of sources.list that come last in mmdebstrap's arguments.
debian_sources() {
    local archive security
    debian_lists=()
    archive=$(_mirror_of Debian)
    [ -n "$archive" ] || return 0
    debian_lists=("deb $archive $1 main")
    security=$(_mirror_of Debian-Security)
    [ -z "$security" ] || debian_lists+=("deb $security $1-security main")
}

# debian_options: sets debian_apt, this machine's proxy and certificate settings: mmdebstrap does not read apt.conf.d.
debian_options() {
    local option
    debian_apt=()
    while IFS= read -r option; do
        debian_apt+=("--aptopt=$option")
    done < <(apt-config dump --format '%F "%v";%n' | grep -E '^Acquire::(http|https)::[^ ]+ "[^"]+";$' || true)
}
