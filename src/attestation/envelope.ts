import { constants, createCipheriv, createHash, type KeyObject, publicEncrypt, randomFillSync } from "node:crypto";
import {
  ContentInfo,
  EncryptedContent,
  EncryptedContentInfo,
  EnvelopedData,
  id_data,
  id_envelopedData,
  KeyTransRecipientInfo,
  RecipientIdentifier,
  RecipientInfo,
  RecipientInfos,
} from "@peculiar/asn1-cms";
import { id_mgf1, id_RSAES_OAEP, RsaEsOaepParams, sha256 } from "@peculiar/asn1-rsa";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, SubjectKeyIdentifier } from "@peculiar/asn1-x509";
import type { Bytes } from "../base/bytes.ts";
import { secret, wipe } from "../base/secret.ts";

const aes256Cbc = "2.16.840.1.101.3.4.1.42";

/**
 * CiphertextForRecipient: CMS EnvelopedData (RFC 5652 §6) in DER, the content under AES-256-CBC, its key under
 * RSAES-OAEP with SHA-256 twice (RFC 8017 §A.2.1). One recipient, named by the identifier of its key: version 2 of both
 * structures, which AWS's enclave SDK insists on. `plaintext` stays with its owner.
 */
export function envelop(plaintext: Bytes, recipient: KeyObject): Bytes {
  const contentKey = randomFillSync(secret(32));
  try {
    const iv = randomFillSync(new Uint8Array(16));
    const cipher = createCipheriv("aes-256-cbc", contentKey, iv);
    const content = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    const encryptedKey = publicEncrypt({ key: recipient, ...padding }, contentKey);
    const enveloped = new EnvelopedData({
      version: 2,
      recipientInfos: new RecipientInfos([new RecipientInfo({ ktri: recipientInfo(recipient, encryptedKey) })]),
      encryptedContentInfo: new EncryptedContentInfo({
        contentType: id_data,
        contentEncryptionAlgorithm: new AlgorithmIdentifier({
          algorithm: aes256Cbc,
          parameters: AsnConvert.serialize(new OctetString(iv)),
        }),
        encryptedContent: new EncryptedContent({ value: new OctetString(content) }),
      }),
    });
    const info = new ContentInfo({ contentType: id_envelopedData, content: AsnConvert.serialize(enveloped) });
    return new Uint8Array(AsnConvert.serialize(info));
  } finally {
    wipe(contentKey);
  }
}

function recipientInfo(recipient: KeyObject, encryptedKey: Buffer): KeyTransRecipientInfo {
  // RFC 7093 §2, method 4: of the whole public key.
  const spki = recipient.export({ type: "spki", format: "der" });
  const identifier = createHash("sha256").update(spki).digest().subarray(0, 20);
  const parameters = new RsaEsOaepParams({
    hashAlgorithm: sha256,
    maskGenAlgorithm: new AlgorithmIdentifier({ algorithm: id_mgf1, parameters: AsnConvert.serialize(sha256) }),
  });
  return new KeyTransRecipientInfo({
    version: 2,
    rid: new RecipientIdentifier({ subjectKeyIdentifier: new SubjectKeyIdentifier(identifier) }),
    keyEncryptionAlgorithm: new AlgorithmIdentifier({
      algorithm: id_RSAES_OAEP,
      parameters: AsnConvert.serialize(parameters),
    }),
    encryptedKey: new OctetString(encryptedKey),
  });
}
