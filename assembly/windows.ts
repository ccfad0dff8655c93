/** Where the host writes and reads; see memory.ts. */
export { AAD, AAD2, DATA, DATA_SIZE, ENTROPY, ID, IV, KEY, MATERIAL, PERSONALIZATION, PLAINTEXT, TAG, TOKEN, TOKEN2 } from "./memory";
