# One translation unit an instruction set; see core/simd/kernels.h for the rules.
