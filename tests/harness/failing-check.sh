#!/bin/sh
# The required check of failing-release.Containerfile.
echo 'asking the shop'
echo 'the shop does not answer'
exit 1
