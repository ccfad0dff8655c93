/** What the policy tests share. */
export const account = "111122223333";
export const otherAccount = "444455556666";
export const alice = `arn:aws:iam::${account}:user/alice`;
export const keyArn = `arn:aws:kms:us-east-1:${account}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

export const allowAll = { Effect: "Allow", Principal: "*", Action: "kms:*", Resource: "*" };

export const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
