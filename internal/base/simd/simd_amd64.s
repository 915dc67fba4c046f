#include "textflag.h"

// In all of these: SI and DI walk over the source and what is written, R9 and R8 keep where they began, R10 is the last
// place from which a whole vector can be read. Y0 holds the vector; Y7, Y8 and Y9 what was found in it, in copyPlain Y12
// too; the others constants.

DATA c20<>+0(SB)/1, $0x20 // the blank; every control character is below it
GLOBL c20<>(SB), RODATA|NOPTR, $1
DATA c1F<>+0(SB)/1, $0x1F
GLOBL c1F<>(SB), RODATA|NOPTR, $1
DATA c22<>+0(SB)/1, $0x22 // "
GLOBL c22<>(SB), RODATA|NOPTR, $1
DATA c5C<>+0(SB)/1, $0x5C // \
GLOBL c5C<>(SB), RODATA|NOPTR, $1
DATA c3C<>+0(SB)/1, $0x3C // <
GLOBL c3C<>(SB), RODATA|NOPTR, $1
DATA c26<>+0(SB)/1, $0x26 // &
GLOBL c26<>(SB), RODATA|NOPTR, $1
DATA c7F<>+0(SB)/1, $0x7F
GLOBL c7F<>(SB), RODATA|NOPTR, $1
DATA c0F<>+0(SB)/1, $0x0F
GLOBL c0F<>(SB), RODATA|NOPTR, $1
DATA fromA<>+0(SB)/1, $0x1F // makes 'a' the least signed byte
GLOBL fromA<>(SB), RODATA|NOPTR, $1
DATA beyondZ<>+0(SB)/1, $0x9A // the byte after 'z'
GLOBL beyondZ<>(SB), RODATA|NOPTR, $1
DATA from0<>+0(SB)/1, $0x50 // makes '0' the least signed byte
GLOBL from0<>(SB), RODATA|NOPTR, $1
DATA beyond9<>+0(SB)/1, $0x8A
GLOBL beyond9<>(SB), RODATA|NOPTR, $1

// Which pairs of bytes cannot occur in UTF-8 (Unicode 15, table 3-7). Each fault is a bit, and each table says which faults
// half a byte allows; a fault that all three allow is one. So does John Keiser's and Daniel Lemire's "Validating UTF-8 In
// Less Than One Instruction Per Byte" (arXiv 2010.03090).
//
//	01 a lead and no continuation      02 a continuation and no lead     04 E0, then below A0
//	08 F4 and above, then 90 and above 10 ED, then A0 and above          20 C0 or C1, then a continuation
//	40 F0, F5 and above, then 80 to 8F 80 two continuations: only right after a lead of three bytes or four
//
// By the upper half of the first byte:
DATA firstUpper<>+0(SB)/8, $0x0202020202020202
DATA firstUpper<>+8(SB)/8, $0x4915012180808080
GLOBL firstUpper<>(SB), RODATA|NOPTR, $16

// By its lower half:
DATA firstLower<>+0(SB)/8, $0xCBCBCB8B8383A3E7
DATA firstLower<>+8(SB)/8, $0xCBCBDBCBCBCBCBCB
GLOBL firstLower<>(SB), RODATA|NOPTR, $16

// By the upper half of the second byte:
DATA secondUpper<>+0(SB)/8, $0x0101010101010101
DATA secondUpper<>+8(SB)/8, $0x01010101BABAAEE6
GLOBL secondUpper<>(SB), RODATA|NOPTR, $16

DATA c60<>+0(SB)/1, $0x60 // the distance between E0, a lead of three bytes, and 80
GLOBL c60<>(SB), RODATA|NOPTR, $1
DATA c70<>+0(SB)/1, $0x70 // and F0
GLOBL c70<>(SB), RODATA|NOPTR, $1
DATA c80<>+0(SB)/1, $0x80
GLOBL c80<>(SB), RODATA|NOPTR, $1
DATA cC0<>+0(SB)/1, $0xC0 // the first lead
GLOBL cC0<>(SB), RODATA|NOPTR, $1

// STRING_CONSTANTS loads what the other macros need.
#define STRING_CONSTANTS \
	VPBROADCASTB c22<>(SB), Y1           \
	VPBROADCASTB c5C<>(SB), Y2           \
	VPBROADCASTB c1F<>(SB), Y3           \
	VBROADCASTI128 firstUpper<>(SB), Y4  \
	VBROADCASTI128 firstLower<>(SB), Y5  \
	VBROADCASTI128 secondUpper<>(SB), Y6 \
	VPBROADCASTB c0F<>(SB), Y10          \
	VPBROADCASTB c60<>(SB), Y11          \
	VPBROADCASTB c70<>(SB), Y12          \
	VPBROADCASTB c80<>(SB), Y13          \
	VPXOR Y14, Y14, Y14                  \
	VPBROADCASTB cC0<>(SB), Y15

// FIND_SPECIAL finds how many bytes of Y0 precede the first quote, backslash or control character, 32 where there is
// none: AX. The bits of DX are those before it that are not ASCII; the flags say whether there are any.
#define FIND_SPECIAL \
	VPCMPEQB Y0, Y1, Y7 \
	VPCMPEQB Y0, Y2, Y8 \
	VPMINUB Y0, Y3, Y9  \
	VPCMPEQB Y0, Y9, Y9 \
	VPOR Y7, Y8, Y7     \
	VPOR Y7, Y9, Y7     \
	VPMOVMSKB Y7, AX    \
	VPMOVMSKB Y0, DX    \
	TZCNTL AX, AX       \
	BZHIL AX, DX, DX    \
	TESTL DX, DX

// FIND_FAULT finds where UTF-8 is broken before AX, in Y0, which begins with a character: by how the vector is shifted by
// one byte, two and three. The byte at AX breaks a character that it cuts. The flags say whether there is a fault.
#define FIND_FAULT \
	VPERM2I128 $0x08, Y0, Y0, Y7 \
	VPALIGNR $15, Y7, Y0, Y8     \
	VPSRLW $4, Y8, Y9            \
	VPAND Y9, Y10, Y9            \
	VPSHUFB Y9, Y4, Y9           \
	VPAND Y8, Y10, Y8            \
	VPSHUFB Y8, Y5, Y8           \
	VPAND Y8, Y9, Y9             \
	VPSRLW $4, Y0, Y8            \
	VPAND Y8, Y10, Y8            \
	VPSHUFB Y8, Y6, Y8           \
	VPAND Y8, Y9, Y9             \
	VPALIGNR $14, Y7, Y0, Y8     \
	VPSUBUSB Y11, Y8, Y8         \
	VPALIGNR $13, Y7, Y0, Y7     \
	VPSUBUSB Y12, Y7, Y7         \
	VPOR Y7, Y8, Y7              \
	VPAND Y7, Y13, Y7            \
	VPXOR Y7, Y9, Y7             \
	VPCMPEQB Y7, Y14, Y7         \
	VPMOVMSKB Y7, BX             \
	NOTL BX                      \
	LEAL 1(AX), DX               \
	BZHIL DX, BX, BX             \
	TESTL BX, BX

// FIND_LEAD finds a character that may be cut by the end of Y0: DX is how many bytes precede it. The flags say zero
// where there is none.
#define FIND_LEAD \
	VPMINUB Y0, Y15, Y7  \
	VPCMPEQB Y7, Y15, Y7 \
	VPMOVMSKB Y7, BX     \
	SHRL $29, BX         \
	TZCNTL BX, DX        \
	ADDL $29, DX         \
	TESTL BX, BX

// SHORT_ESCAPE is done unless a whole escape of two bytes is at SI, for which R11 has an entry: DX.
#define SHORT_ESCAPE \
	CMPB    (SI), $0x5C      \
	JNE     done             \
	LEAQ    30(R10), BX      \
	CMPQ    SI, BX           \
	JHI     done             \
	MOVBLZX 1(SI), DX        \
	MOVBLZX (R11)(DX*1), DX  \
	TESTL   DX, DX           \
	JZ      done

// func walk(src *byte, n int, escapes *[256]byte) (read, escaped int)
TEXT ·walk(SB), NOSPLIT, $0-40
	MOVQ src+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ escapes+16(FP), R11
	MOVQ SI, R9
	XORL R8, R8 // escapes seen
	LEAQ -32(SI)(CX*1), R10
	STRING_CONSTANTS

next:
	CMPQ SI, R10
	JHI  done
	VMOVDQU (SI), Y0
	FIND_SPECIAL
	JNZ  wide

advance:
	ADDQ AX, SI
	CMPL AX, $32
	JEQ  next
	SHORT_ESCAPE
	INCQ R8
	ADDQ $2, SI
	JMP  next

wide:
	FIND_FAULT
	JNZ  done
	CMPL AX, $32
	JNE  advance
	FIND_LEAD
	JZ   advance
	ADDQ DX, SI
	JMP  next

done:
	VZEROUPPER
	SUBQ R9, SI
	MOVQ SI, read+24(FP)
	MOVQ R8, escaped+32(FP)
	RET

// func unescape(dst, src *byte, n int, escapes *[256]byte) (read, wrote int)
TEXT ·unescape(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ escapes+24(FP), R11
	MOVQ DI, R8
	MOVQ SI, R9
	LEAQ -32(SI)(CX*1), R10
	STRING_CONSTANTS

next:
	CMPQ SI, R10
	JHI  done
	VMOVDQU (SI), Y0
	VMOVDQU Y0, (DI)
	FIND_SPECIAL
	JNZ  wide

advance:
	ADDQ AX, SI
	ADDQ AX, DI
	CMPL AX, $32
	JEQ  next
	SHORT_ESCAPE
	MOVB DX, (DI)
	INCQ DI
	ADDQ $2, SI
	JMP  next

wide:
	FIND_FAULT
	JNZ  done
	CMPL AX, $32
	JNE  advance
	FIND_LEAD
	JZ   advance
	ADDQ DX, SI
	ADDQ DX, DI
	JMP  next

done:
	VZEROUPPER
	SUBQ R9, SI
	SUBQ R8, DI
	MOVQ SI, read+32(FP)
	MOVQ DI, wrote+40(FP)
	RET

// func escape(dst *byte, room int, src *byte, n int, escapes *[256]byte) (read, wrote int)
TEXT ·escape(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ room+8(FP), R12
	MOVQ src+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ escapes+32(FP), R11
	MOVQ DI, R8
	MOVQ SI, R9
	LEAQ -34(DI)(R12*1), R12 // the last place to which a vector or what became of it can be written
	LEAQ -32(SI)(CX*1), R10
	VPBROADCASTB c22<>(SB), Y1
	VPBROADCASTB c5C<>(SB), Y2
	VPBROADCASTB c1F<>(SB), Y3

next:
	CMPQ SI, R10
	JHI  done
	CMPQ DI, R12
	JHI  done
	VMOVDQU (SI), Y0
	VMOVDQU Y0, (DI)
	VPCMPEQB Y0, Y1, Y7
	VPCMPEQB Y0, Y2, Y8
	VPMINUB Y0, Y3, Y9
	VPCMPEQB Y0, Y9, Y9 // unsigned: control characters
	VPOR Y7, Y8, Y7
	VPOR Y7, Y9, Y7
	VPMOVMSKB Y7, AX
	TESTL AX, AX
	JNZ  special
	ADDQ $32, SI
	ADDQ $32, DI
	JMP  next

special:
	TZCNTL AX, AX
	ADDQ AX, SI
	ADDQ AX, DI
	MOVBLZX (SI), DX
	MOVBLZX (R11)(DX*1), DX
	TESTL DX, DX
	JZ   done
	MOVB $0x5C, (DI)
	MOVB DX, 1(DI)
	ADDQ $2, DI
	INCQ SI
	JMP  next

done:
	VZEROUPPER
	SUBQ R9, SI
	SUBQ R8, DI
	MOVQ SI, read+40(FP)
	MOVQ DI, wrote+48(FP)
	RET

// func copyPlain(dst, src *byte, n, readable int, inWord uint64) (read int, counts uint64, words int)
TEXT ·copyPlain(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ readable+24(FP), R10
	MOVQ inWord+32(FP), R11 // whether the character before was a letter
	MOVQ SI, R9
	LEAQ -32(SI)(R10*1), R10
	XORL R12, R12           // whether it was a blank
	XORL R13, R13           // the counts
	XORL DX, DX             // words
	VPBROADCASTB c20<>(SB), Y1
	VPBROADCASTB c3C<>(SB), Y2
	VPBROADCASTB c26<>(SB), Y3
	VPBROADCASTB c7F<>(SB), Y4
	VPBROADCASTB fromA<>(SB), Y5
	VPBROADCASTB beyondZ<>(SB), Y6
	VPBROADCASTB from0<>(SB), Y10
	VPBROADCASTB beyond9<>(SB), Y11

next:
	CMPQ SI, R10
	JHI  done
	VMOVDQU (SI), Y0
	VMOVDQU Y0, (DI)
	VPCMPGTB Y0, Y1, Y7 // signed: control characters and everything beyond ASCII
	VPCMPEQB Y0, Y2, Y8
	VPCMPEQB Y0, Y3, Y9
	VPCMPEQB Y0, Y4, Y12
	VPOR Y7, Y8, Y7
	VPOR Y9, Y12, Y9
	VPOR Y7, Y9, Y7
	VPMOVMSKB Y7, AX    // where the run ends
	VPCMPEQB Y0, Y1, Y8
	VPMOVMSKB Y8, R8    // blanks
	VPOR Y0, Y1, Y9
	VPADDB Y9, Y5, Y9
	VPCMPGTB Y9, Y6, Y9
	VPADDB Y0, Y10, Y12
	VPCMPGTB Y12, Y11, Y12
	LEAL (R12)(R8*2), R12
	ANDL R8, R12        // the second of two
	ORL  R12, AX
	TZCNTL AX, AX       // 32 where there is none
	CMPQ AX, CX
	CMOVQGT CX, AX
	SUBQ AX, CX
	ADDQ AX, SI
	ADDQ AX, DI
	BZHIL AX, R8, R8
	MOVL R8, R12
	VPMOVMSKB Y9, BX    // letters
	BZHIL AX, BX, BX
	LEAL (R11)(BX*2), R11
	ANDNL BX, R11, R11  // the first of each word
	POPCNTL R11, R11
	ADDQ R11, DX
	MOVL BX, R11
	POPCNTL R8, R8
	POPCNTL BX, BX
	ADDQ BX, R13        // letters
	ADDQ R8, BX
	SHLQ $48, R8
	ADDQ R8, R13        // blanks
	VPMOVMSKB Y12, R8   // digits
	BZHIL AX, R8, R8
	POPCNTL R8, R8
	ADDQ R8, BX
	SHLQ $16, R8
	ADDQ R8, R13
	NEGQ BX
	ADDQ AX, BX         // all others are punctuation
	SHLQ $32, BX
	ADDQ BX, R13
	CMPQ AX, $32
	JNE  done
	SHRL $31, R11
	SHRL $31, R12
	JMP  next

done:
	VZEROUPPER
	SUBQ R9, SI
	MOVQ SI, read+40(FP)
	MOVQ R13, counts+48(FP)
	MOVQ DX, words+56(FP)
	RET

// func find(dst *uint32, src *byte, vectors int, low, high *[16]byte)
TEXT ·find(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ vectors+16(FP), CX
	MOVQ low+24(FP), R8
	MOVQ high+32(FP), R9
	VBROADCASTI128 (R8), Y1
	VBROADCASTI128 (R9), Y2
	VPBROADCASTB c0F<>(SB), Y3
	VPXOR Y4, Y4, Y4

next:
	TESTQ CX, CX
	JZ   done
	VMOVDQU (SI), Y0
	VPSHUFB Y0, Y1, Y7 // what the low half of each byte allows; nothing where it is beyond ASCII
	VPSRLW $4, Y0, Y8
	VPAND Y8, Y3, Y8
	VPSHUFB Y8, Y2, Y8 // what the high half allows
	VPAND Y7, Y8, Y7
	VPCMPEQB Y7, Y4, Y7
	VPMOVMSKB Y7, AX
	NOTL AX
	MOVL AX, (DI)
	ADDQ $32, SI
	ADDQ $4, DI
	DECQ CX
	JMP  next

done:
	VZEROUPPER
	RET
