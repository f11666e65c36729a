#!/bin/sh
# Debian's chromium, for the browser tests, where no such browser is installed. Where that cannot be done it says what to do,
# and fails not: those tests are then skipped (but never in CI).
set -u
for program in chromium chromium-browser google-chrome; do
  command -v "$program" >/dev/null && exit 0
done
system=$(. /etc/os-release 2>/dev/null && echo "${ID:-}")
if [ "$(id -u)" -eq 0 ]; then root=env; else root="sudo -n"; fi
if [ "$system" = debian ] && $root true 2>/dev/null; then
  echo "Installing chromium for the browser tests."
  $root apt-get update -qq &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null &&
    exit 0
fi
echo "chromium is missing, the browser tests will be skipped. Install it, on Debian with:"
echo "  sudo apt-get install chromium"
