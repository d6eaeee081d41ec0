# Short names for the common jobs; the build itself is meson's.
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make             build into ./build
#   make check       install what is missing, build, run all tests, count them
#   make check-kvm   only the tests that need a complete KVM (docs/devel/testing.rst, "The lab")
#   make demo        the guided tour on Debian's kernel (GUEST=embedded, SYMBOLS=dbg, AUTO=1)
#   make demo-kvm    Debian's kernel under KVM, in the lab (docs/devel/kvm.rst)
#   make bench       measurements (not part of check)
#   make bench-kvm   measurements of debugging under KVM, in the lab (not part of check)
#   make coverage    which lines the tests run (not part of check; wants gcovr)
#   make install     PREFIX=... DESTDIR=... as usual
#   make clean

BUILD ?= build
GUEST ?= linux
SYMBOLS ?= kallsyms

all: deps $(BUILD)/build.ninja
	ninja -C $(BUILD)

deps:
	@scripts/install-deps

$(BUILD)/build.ninja: | deps
	./configure --builddir=$(BUILD) $(if $(PREFIX),--prefix=$(PREFIX)) --werror

check: all
	@scripts/run-tests $(BUILD)

check-kvm: all
	@scripts/run-tests $(BUILD) --suite kvm

demo: all
	@scripts/demo --build $(BUILD) --guest $(GUEST) --symbols $(SYMBOLS)

demo-kvm: all
	@scripts/demo-kvm --build $(BUILD)

bench: all
	@scripts/bench --build $(BUILD)

bench-kvm: all
	@scripts/bench-kvm --build $(BUILD)

coverage: deps
	@scripts/coverage

install: all
	$(if $(PREFIX),meson configure $(BUILD) -Dprefix=$(PREFIX))
	meson install -C $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all deps check check-kvm demo demo-kvm bench bench-kvm coverage install clean
