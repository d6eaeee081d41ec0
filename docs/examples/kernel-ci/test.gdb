# What the debugger does, and what it must see. The first thing that is not so ends gdb with status 1.
# SPDX-License-Identifier: GPL-2.0-or-later
set pagination off
set confirm off

# expect EXPRESSION, written without blanks
define expect
    if !($arg0)
        printf "not so: $arg0\n"
        backtrace
        kill
        quit 1
    end
end

# The first instruction of all.
expect $pc==(long)&start32

# A breakpoint with a condition, in the timer's interrupt.
break schedule if jiffies == 4
continue
expect jiffies==4&&current==1
expect tasks[0].slices==1&&tasks[1].slices==2

# The way back, through the interrupt, to what it came between.
backtrace
expect $_caller_is("timer_interrupt")
expect $_any_caller_is("kernel_main",3)

# A watchpoint on a task's counter.
watch tasks[1].slices
continue
expect tasks[1].slices==3
expect jiffies==5

# To the end; the exit status is the kernel's.
delete
continue
