# The page that is mapped in both worlds; see handoff.rs.
#
# Everything between the two labels is copied to a frame of its own, so the code must not care
# where it runs.

.section .text.handoff, "ax"
.code64
.balign 16
.global handoff_start
handoff_start:
    # rdi = BootInfo, rsi = kernel entry, rdx = top of the stack, rcx = top page table
    mov cr3, rcx
    mov rsp, rdx
    lea rax, [rip + handoff_gdt]
    sub rsp, 16
    mov word ptr [rsp + 6], 3 * 8 - 1    # limit: three descriptors
    mov [rsp + 8], rax
    lgdt [rsp + 6]
    add rsp, 16
    xor ebp, ebp                    # frame-pointer walks end here
    push 0                          # and so do unwinders: no caller
    jmp rsi

.balign 8
.global handoff_gdt
handoff_gdt:
    # Accessed bits are set already: the CPU must not write to this read-only page.
    .quad 0
    .quad 0x00af9b000000ffff        # 0x08: code, 64-bit
    .quad 0x00cf93000000ffff        # 0x10: data
.global handoff_end
handoff_end:
