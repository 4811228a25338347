#!/usr/bin/env bash
# Make Debian's Chromium and a Chinese font available to the browser tests, if this machine lets us.
set -uo pipefail
chromium=/usr/bin/chromium

have_font() { [ -n "$(fc-list :lang=zh 2>/dev/null)" ]; }
[ -x "$chromium" ] && have_font && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium and a Chinese font for the browser tests"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig </dev/null >/dev/null
fi
if [ ! -x "$chromium" ]; then
    echo "############################################################################################"
    echo "## BROWSER TESTS WILL BE SKIPPED: $chromium is missing."
    echo "## To run them: sudo apt-get install chromium fonts-noto-cjk"
    echo "############################################################################################"
elif ! have_font; then
    echo "## No Chinese font here: the pictures of the browser tests will show boxes. apt-get install fonts-noto-cjk"
fi
exit 0
