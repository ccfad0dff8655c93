#include "signatures.h"

const struct function signature_functions[] = {
    {"signDigest", "nnbbt", sign_digest}, {"verifyDigest", "nnbbb", verify_digest},
    {"sm2Sign", "bbt", sm2_sign},         {"sm2Verify", "bbb", sm2_verify},
    {"sm2Encrypt", "bbt", sm2_encrypt},   {"sm2Decrypt", "bbt", sm2_decrypt},
    {"sm2Agree", "bbt", sm2_agree},
};
const size_t signature_function_count = sizeof signature_functions / sizeof *signature_functions;
