# From QEMU's PVH entry to Rust in long mode; see entry.rs for the why.
#
# State at entry (Xen public headers, arch-x86/hvm/start_info.h): 32-bit protected mode, flat
# segments, paging off, interrupts off, ebx = physical address of the start-info structure.

.section .note.pvh, "a", @note
    .balign 4
    .long 4                         # length of the name
    .long 8                         # length of the descriptor
    .long 18                        # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_entry

.section .text.entry, "ax"
.code32
.global pvh_entry
pvh_entry:
    cli
    cld
    mov esp, offset entry_stack_top
    mov ebp, ebx                    # cpuid destroys ebx

    # The features we cannot do without: long mode (bit 29) and no-execute (bit 20).
    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb entry_old_cpu
    mov eax, 0x80000001
    cpuid
    mov esi, edx                    # second argument of entry_rust
    and edx, (1 << 29) | (1 << 20)
    cmp edx, (1 << 29) | (1 << 20)
    jne entry_old_cpu

    # Identity mapping of the first 4 GiB: four page directories of 2 MiB pages, side by side.
    # The upper halves of the entries stay zero, as .bss is.
    mov edi, offset entry_directories
    mov eax, 0x83                   # present, writable, large
    mov ecx, 4 * 512
entry_fill_directories:
    mov [edi], eax
    add eax, 0x200000
    add edi, 8
    dec ecx
    jnz entry_fill_directories

    mov edi, offset entry_pointers
    mov eax, offset entry_directories
    or eax, 3                       # present, writable
    mov ecx, 4
entry_fill_pointers:
    mov [edi], eax
    add eax, 0x1000
    add edi, 8
    dec ecx
    jnz entry_fill_pointers

    mov eax, offset entry_pointers
    or eax, 3
    mov [entry_top_table], eax

    mov eax, offset entry_top_table
    mov cr3, eax
    mov eax, cr4
    or eax, 1 << 5                  # PAE
    mov cr4, eax
    mov ecx, 0xc0000080             # EFER
    rdmsr
    or eax, (1 << 8) | (1 << 11)    # LME, NXE
    wrmsr
    mov eax, cr0
    or eax, (1 << 31) | (1 << 16)   # PG, WP
    mov cr0, eax

    # The same table that the hand-off page carries: selectors stay valid across the hand-off.
    sub esp, 8
    mov word ptr [esp], 3 * 8 - 1    # limit: three descriptors
    mov dword ptr [esp + 2], offset handoff_gdt
    lgdt [esp]
    add esp, 8
    mov eax, 0x08
    push eax                        # from a register: of an immediate the size is not plain
    mov eax, offset entry_long
    push eax
    retf

# Says so on COM1 and leaves QEMU.
entry_old_cpu:
    mov esi, offset entry_old_cpu_text
    mov dx, 0x3f8
entry_old_cpu_next:
    lodsb
    test al, al
    jz entry_old_cpu_leave
    out dx, al
    jmp entry_old_cpu_next
entry_old_cpu_leave:
    mov eax, 0x13
    mov dx, 0xf4
    out dx, eax
entry_old_cpu_halt:
    hlt
    jmp entry_old_cpu_halt
entry_old_cpu_text:
    .asciz "boot-direct: the CPU has no long mode or no NX bit\n"

.code64
entry_long:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov edi, ebp                    # start-info address; esi holds the features
    mov esi, esi                    # upper half to zero
    xor ebp, ebp
    call entry_rust
    ud2                             # entry_rust does not return

.section .bss.entry, "aw", @nobits
    .balign 4096
entry_top_table:
    .skip 4096
entry_pointers:
    .skip 4096
entry_directories:
    .skip 4 * 4096
entry_stack:
    .skip 32 * 1024
entry_stack_top:
