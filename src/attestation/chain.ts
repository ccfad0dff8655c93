import { type KeyObject, X509Certificate } from "node:crypto";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  KeyUsage,
  KeyUsageFlags,
} from "@peculiar/asn1-x509";
import type { Bytes } from "../base/bytes.ts";
import type { AttestationProblem } from "../base/message.ts";
import { AttestationError } from "./document.ts";

interface Link {
  readonly certificate: X509Certificate;
  readonly isCa: boolean;
  /** How many CA certificates may follow, beside that of the signing key. */
  readonly pathLength: number;
  readonly mayCertify: boolean;
  readonly maySign: boolean;
}

/** Chains of certificates under pinned roots: the path validation of RFC 5280 §6.1 that Nitro documents need. */
export class CertificateChains {
  readonly #roots: readonly X509Certificate[];

  /** `roots`: PEM. Throws where there is none. */
  constructor(roots: string) {
    const blocks = roots.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (!blocks) throw new TypeError("no certificate");
    this.#roots = blocks.map((pem) => new X509Certificate(pem));
  }

  /** The key of the last of `certificates`, DER, which begin with a root; AttestationError. */
  verify(certificates: readonly Bytes[], now: number): KeyObject {
    const links = certificates.map(readLink);
    const [root] = links as [Link];
    if (!this.#roots.some(({ raw }) => raw.equals(root.certificate.raw))) fail("root");
    for (const { certificate } of links) {
      if (+certificate.validFromDate > now || +certificate.validToDate < now) fail("certificateDates");
    }
    links.forEach((link, place) => {
      if (place === links.length - 1) return;
      const { certificate } = links[place + 1] as Link;
      const following = links.length - 2 - place;
      if (!link.isCa || !link.mayCertify || link.pathLength < following) fail("authority");
      const issued = certificate.checkIssued(link.certificate) && certificate.verify(link.certificate.publicKey);
      if (!issued) fail("chain");
    });
    const { isCa, maySign, certificate } = links.at(-1) as Link;
    if (isCa || !maySign) fail("certificateUse");
    return certificate.publicKey;
  }
}

function readLink(der: Bytes): Link {
  try {
    const { extensions = [] } = AsnConvert.parse(der, Certificate).tbsCertificate;
    const value = (id: string) => extensions.find(({ extnID }) => extnID === id)?.extnValue;
    if (extensions.some(({ extnID, critical }) => critical && !understood.includes(extnID))) {
      fail("criticalExtension");
    }
    const [constraints, usage] = [value(id_ce_basicConstraints), value(id_ce_keyUsage)];
    const { cA, pathLenConstraint = Infinity } = constraints
      ? AsnConvert.parse(constraints, BasicConstraints)
      : { cA: false };
    const flags = usage ? AsnConvert.parse(usage, KeyUsage).toNumber() : 0;
    return {
      certificate: new X509Certificate(der),
      isCa: cA,
      pathLength: pathLenConstraint,
      mayCertify: (flags & KeyUsageFlags.keyCertSign) !== 0,
      maySign: (flags & KeyUsageFlags.digitalSignature) !== 0,
    };
  } catch (cause) {
    if (cause instanceof AttestationError) throw cause;
    throw new AttestationError("certificate", { cause });
  }
}

const understood: readonly string[] = [id_ce_basicConstraints, id_ce_keyUsage];

function fail(problem: AttestationProblem): never {
  throw new AttestationError(problem);
}
