#!/bin/sh
# What a program that calls a language model owes to its limits:
#
#   resource-manager run --llm acme --input-tokens 2000 --output-tokens 500 -- ./ask.sh PROMPT
#
# $PROVIDER stands for the call: it prints the status, Retry-After, tokens in, tokens out, and the answer.
manager=${RESOURCE_MANAGER:-resource-manager}

read -r status retry_after input output answer <<EOF
$($PROVIDER "$1")
EOF

case $status in
  200)
    $manager settle --input-tokens "$input" --output-tokens "$output" >&2
    echo "$answer"
    ;;
  429 | 503)
    $manager overload --retry-after "$retry_after" >&2
    # Nothing was used but the request. Whoever asks again waits for its turn.
    exit 75
    ;;
  *)
    exit 1
    ;;
esac
