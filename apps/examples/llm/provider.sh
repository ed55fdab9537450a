#!/bin/sh
# Stands for a provider: it refuses the first call, and answers those after.
if [ -e "$PROVIDER_CALLED" ]; then
  echo "200 0 1874 96 An answer to: $1"
else
  : > "$PROVIDER_CALLED"
  echo "429 2 0 0"
fi
