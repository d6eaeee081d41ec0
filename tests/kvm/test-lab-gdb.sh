#!/bin/sh
# gdb works in the lab: it reads a program, and its Python has what Glassbox's helper imports. Prints TAP.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: test-lab-gdb.sh GUEST
number=0
expect() {
    number=$((number + 1))
    what=$1 wanted=$2
    shift 2
    got=$(gdb -q -nx -nh -batch "$@" 2>&1)
    case $got in
    *"$wanted"*) echo "ok $number - $what" ;;
    *) echo "$got" | sed 's/^/# /'
       echo "not ok $number - $what" ;;
    esac
}
echo 1..2
expect lines 'starts at address' -ex 'info line spin_step' "$1"
expect python 'it is 42' -ex 'python import bz2, lzma, re, struct, zlib; print("it is", len(struct.pack("42s", b"")))'
