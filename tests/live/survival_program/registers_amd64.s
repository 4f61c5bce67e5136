#include "textflag.h"

#define CHECK(register, number) \
	MOVQ	seed-8(SP), CX; \
	ADDQ	$number, CX; \
	CMPQ	register, CX; \
	JNE	changed

#define CHECKX(register, number) \
	MOVQ	register, BP; \
	MOVQ	seed-8(SP), CX; \
	ADDQ	$number, CX; \
	CMPQ	BP, CX; \
	JNE	changed

// func registersHold(rounds, seed uint64) (ok bool)
// Each general register but the stack's and the goroutine's holds a number of its own, two vector registers do, and
// the carry flag is set, for as long as a round takes.
TEXT ·registersHold(SB), NOSPLIT, $24-17
	MOVQ	rounds+0(FP), CX
	MOVQ	CX, left-16(SP)
	MOVQ	seed+8(FP), CX
	MOVQ	CX, seed-8(SP)
	MOVQ	CX, X0
	LEAQ	15(CX), BP
	MOVQ	BP, X15
	LEAQ	1(CX), AX
	LEAQ	2(CX), BX
	LEAQ	3(CX), DX
	LEAQ	4(CX), SI
	LEAQ	5(CX), DI
	LEAQ	6(CX), R8
	LEAQ	7(CX), R9
	LEAQ	8(CX), R10
	LEAQ	9(CX), R11
	LEAQ	10(CX), R12
	LEAQ	11(CX), R13
	LEAQ	12(CX), R15

round:
	MOVQ	$100, CX
	STC

turn:
	NOP
	NOP
	LEAQ	-1(CX), CX
	JCXZQ	held
	JCS	turn
	JMP	changed

held:
	JCC	changed
	CHECK(AX, 1)
	CHECK(BX, 2)
	CHECK(DX, 3)
	CHECK(SI, 4)
	CHECK(DI, 5)
	CHECK(R8, 6)
	CHECK(R9, 7)
	CHECK(R10, 8)
	CHECK(R11, 9)
	CHECK(R12, 10)
	CHECK(R13, 11)
	CHECK(R15, 12)
	CHECKX(X0, 0)
	CHECKX(X15, 15)
	DECQ	left-16(SP)
	JNE	round
	MOVB	$1, ok+16(FP)
	JMP	done

changed:
	MOVB	$0, ok+16(FP)

done:
	XORPS	X15, X15
	RET
