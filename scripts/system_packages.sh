#!/usr/bin/env bash
# Check the system libraries that napari's window and the tests need, and install what is
# missing with apt-get where that is allowed. Otherwise say in one sentence what to run.
# Status 1 only if something is missing without which nothing works.
#
#   CONFORMIX_NO_APT=1   only check, never install
#   CONFORMIX_NO_RELION=1   do not install RELION (large; only some tests use its programs)
set -u

# what is looked for (lib: a shared library, bin: a program, mesa: software OpenGL), its package
required=(
    "lib:libGL.so.1 libgl1"
    "lib:libEGL.so.1 libegl1"
    "lib:libfontconfig.so.1 libfontconfig1"
    "lib:libglib-2.0.so.0 libglib2.0-0"
    "lib:libdbus-1.so.3 libdbus-1-3"
    "lib:libxkbcommon.so.0 libxkbcommon0"
    "lib:libxkbcommon-x11.so.0 libxkbcommon-x11-0"
    "lib:libxcb-cursor.so.0 libxcb-cursor0"
    "lib:libxcb-icccm.so.4 libxcb-icccm4"
    "lib:libxcb-image.so.0 libxcb-image0"
    "lib:libxcb-keysyms.so.1 libxcb-keysyms1"
    "lib:libxcb-randr.so.0 libxcb-randr0"
    "lib:libxcb-render-util.so.0 libxcb-render-util0"
    "lib:libxcb-shape.so.0 libxcb-shape0"
    "lib:libxcb-xkb.so.1 libxcb-xkb1"
)
# without these, tests and pictures that need a screen or RELION are left out
optional=(
    "mesa:drivers libgl1-mesa-dri"
    "bin:Xvfb xvfb"
    "bin:xauth xauth"
    "bin:relion_project relion"
)

libraries="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)"

present() {
    local what="${1#*:}"
    case "$1" in
        lib:*) grep -qF "$what" <<<"$libraries" ;;
        bin:*) command -v "$what" >/dev/null 2>&1 ;;
        mesa:*) compgen -G '/usr/lib/*/dri/*_dri.so' >/dev/null || # to Mesa 24; then one library
            compgen -G '/usr/lib/*/libgallium-*.so' >/dev/null ;;
    esac
}

# the packages of the given entries that are not there
missing() {
    local entry
    for entry in "$@"; do
        [ "${entry#* }" = relion ] && [ -n "${CONFORMIX_NO_RELION:-}" ] && continue
        present "${entry% *}" || printf '%s ' "${entry#* }"
    done
}

python_packages() {
    "$(dirname "$0")/find_python.sh" >/dev/null 2>&1 || printf 'python3 python3-venv '
}

as_root=()
may_install() {
    [ -z "${CONFORMIX_NO_APT:-}" ] && command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null && as_root=(sudo -n)
}

install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" </dev/null
}

needed="$(python_packages)$(missing "${required[@]}")"
wanted="$(missing "${optional[@]}")"
[ -z "$needed$wanted" ] && exit 0

if may_install; then
    echo "Installing system packages: $needed$wanted"
    "${as_root[@]}" apt-get update -q </dev/null || true
    # shellcheck disable=SC2086  # a list of package names
    [ -z "$needed" ] || install $needed
    for package in $wanted; do # one at a time: one that is unknown here must not stop the others
        install "$package" || true
    done
    libraries="$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null)"
    needed="$(python_packages)$(missing "${required[@]}")"
    wanted="$(missing "${optional[@]}")"
fi

if [ -n "$needed" ]; then
    echo "System packages are missing; on Debian and Ubuntu, run:" \
        "sudo apt-get install ${needed}${wanted% }" >&2
    exit 1
fi
[ -z "$wanted" ] || echo "Optional system packages are missing (tests and pictures that need" \
    "them are left out); on Debian and Ubuntu, run: sudo apt-get install ${wanted% }" >&2
exit 0
