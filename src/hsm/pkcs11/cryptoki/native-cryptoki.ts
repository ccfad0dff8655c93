import pkcs11js from "pkcs11js";
import { type Bytes, concat, fromUtf8, utf8 } from "../../../base/bytes.ts";
import { secret, wipe } from "../../../base/secret.ts";
import { type CryptokiState, isBuilt, load } from "../../../engine/native/addon.ts";
import { answered, notShared } from "../../../engine/native/status.ts";
import { type Attributes, asBuffer, attributeOctets, attributeType } from "./attributes.ts";
import { CryptokiError } from "./cryptoki-call.ts";

type Handle = pkcs11js.Handle;
export type Mechanism = pkcs11js.Mechanism;

/** The mechanisms that pkcs11js cannot say, and those whose parameter is octets or nothing. */
export type NativeMechanism =
  | { readonly mechanism: number; readonly parameter?: Bytes }
  /** SP 800-108 §4.1, CKM_SP800_108_COUNTER_KDF: a counter of 32 bits before the fixed input. `prf`: a CKM_ value. */
  | { readonly counterKdf: { readonly prf: number; readonly fixedInput: Bytes } }
  /** CKM_RSA_AES_KEY_WRAP with AES-256: `RSA-OAEP(AES key) ‖ KWP(key)`. `hash`: a CKM_ value. */
  | { readonly rsaAes: { readonly hash: number } };

/** A function list that a module offers since PKCS#11 3.0. */
export interface CryptokiInterface {
  readonly name: string;
  readonly version: string;
}

const counterKdf = 0x3ac;
const rsaAesKeyWrap = 0x1054;
const alignment = 8;
const handleLength = 8;
const longestWrapped = 16_384;
const longestInterfaces = 4_096;

/**
 * The module that pkcs11js has loaded, for what pkcs11js cannot say: templates in templates, and mechanisms whose
 * parameters hold pointers. Sessions and objects are the same ones. Failures of the module are `CryptokiError`.
 */
export class NativeCryptoki {
  readonly #module: CryptokiState;

  /**
   * undefined where the native code has not been built, or the module gives each caller a state of its own, as p11-kit's
   * client does. `path` is that of a loaded and initialised module.
   */
  static of(path: string): NativeCryptoki | undefined {
    if (!isBuilt()) return undefined;
    const module = new (load().Cryptoki)();
    const status = module.open(concat(utf8(path), new Uint8Array(1)));
    if (status === notShared) return undefined;
    answered(status);
    return new NativeCryptoki(module);
  }

  private constructor(module: CryptokiState) {
    this.#module = module;
  }

  create(session: Handle, attributes: Attributes): Handle {
    return this.#object("C_CreateObject", attributes, (template, target) =>
      this.#module.createObject(session, template, target),
    );
  }

  generateKey(session: Handle, mechanism: NativeMechanism, attributes: Attributes): Handle {
    return this.#object("C_GenerateKey", attributes, (template, target) =>
      this.#module.generateKey(session, layMechanism(mechanism), template, target),
    );
  }

  derive(session: Handle, mechanism: NativeMechanism, base: Handle, attributes: Attributes): Handle {
    return this.#object("C_DeriveKey", attributes, (template, target) =>
      this.#module.deriveKey(session, layMechanism(mechanism), base, template, target),
    );
  }

  unwrap(session: Handle, mechanism: NativeMechanism, by: Handle, wrapped: Bytes, attributes: Attributes): Handle {
    return this.#object("C_UnwrapKey", attributes, (template, target) =>
      this.#module.unwrapKey(session, layMechanism(mechanism), by, wrapped, template, target),
    );
  }

  wrap(session: Handle, mechanism: NativeMechanism, by: Handle, key: Handle): Bytes {
    const target = secret(handleLength + longestWrapped);
    return call("C_WrapKey", target, this.#module.wrapKey(session, layMechanism(mechanism), by, key, target)).slice();
  }

  /** None before PKCS#11 3.0. */
  interfaces(): CryptokiInterface[] {
    const target = secret(longestInterfaces);
    const found = call("C_GetInterfaceList", target, this.#module.interfaces(target));
    const interfaces: CryptokiInterface[] = [];
    for (let at = 0; at < found.length; ) {
      const [major, minor, length = 0] = found.subarray(at, at + 3);
      interfaces.push({ name: fromUtf8(found.subarray(at + 3, at + 3 + length)), version: `${major}.${minor}` });
      at += 3 + length;
    }
    return interfaces;
  }

  #object(name: string, attributes: Attributes, use: (template: Bytes, target: Bytes) => number): Handle {
    const template = layTemplate(attributes);
    const target = secret(2 * handleLength);
    try {
      return asBuffer(call(name, target, use(template, target)));
    } finally {
      wipe(template);
    }
  }
}

/** native/cryptoki-arguments.h. May hold a secret. */
export function layTemplate(attributes: Attributes): Bytes {
  const parts = Object.entries(attributes).map(([name, value]) => {
    return { type: attributeType(name), octets: attributeOctets(name, value, layTemplate) };
  });
  const length = parts.reduce((sum, { octets }) => sum + 8 + padded(octets.length), 0);
  const template = secret(length);
  const view = new DataView(template.buffer, template.byteOffset, length);
  let offset = 0;
  for (const { type, octets } of parts) {
    view.setUint32(offset, type, true);
    view.setUint32(offset + 4, octets.length, true);
    template.set(octets, offset + 8);
    offset += 8 + padded(octets.length);
  }
  return template;
}

function layMechanism(mechanism: NativeMechanism): Bytes {
  if ("counterKdf" in mechanism) {
    const { prf, fixedInput } = mechanism.counterKdf;
    return words([counterKdf, 0, prf, 0], fixedInput);
  }
  if ("rsaAes" in mechanism) return words([rsaAesKeyWrap, 0, mechanism.rsaAes.hash, 256]);
  return words([mechanism.mechanism, 0], mechanism.parameter);
}

function words(values: readonly number[], rest: Bytes = new Uint8Array()): Bytes {
  const bytes = secret(4 * values.length + rest.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  bytes.set(rest, 4 * values.length);
  return bytes;
}

/** The same of a mechanism as pkcs11js takes it: one without parameter, RSA-PSS, or RSA-OAEP without label. */
export function octetsOf({ mechanism, parameter }: Mechanism): Bytes {
  if (parameter === undefined || parameter === null) return words([mechanism, 0]);
  if (typeof parameter === "object" && "type" in parameter) {
    if (parameter.type === pkcs11js.CK_PARAMS_RSA_PSS) {
      const { hashAlg, mgf, saltLen } = parameter as pkcs11js.RsaPSS;
      return words([mechanism, 0, ...ulongs(hashAlg, mgf, saltLen)]);
    }
    if (parameter.type === pkcs11js.CK_PARAMS_RSA_OAEP) {
      const { hashAlg, mgf, source } = parameter as pkcs11js.RsaOAEP;
      return words([mechanism, 0, ...ulongs(hashAlg, mgf, source, 0, 0)]);
    }
  }
  throw new TypeError("the native code does not know such a parameter");
}

/** Each in two words. */
const ulongs = (...values: readonly number[]): number[] => values.flatMap((value) => [value, 0]);

const padded = (length: number): number => Math.ceil(length / alignment) * alignment;

/** What follows the CK_RV. */
function call(name: string, target: Bytes, status: number): Bytes {
  const length = answered(status);
  const code = Number(new DataView(target.buffer).getBigUint64(0, true));
  if (code !== pkcs11js.CKR_OK) throw moduleFailure(name, code);
  return target.subarray(handleLength, length);
}

export const moduleFailure = (name: string, code: number): CryptokiError =>
  new CryptokiError(name, codeName(code), code, undefined);

const codeName = (code: number): string =>
  Object.entries(pkcs11js).find(([name, value]) => name.startsWith("CKR_") && value === code)?.[0] ??
  `0x${code.toString(16)}`;
