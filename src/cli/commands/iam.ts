import { readFileSync } from "node:fs";
import type { Argv } from "yargs";
import { ConfigError } from "../../base/errors.ts";
import { accountFlag, flag, type Installation, installation, installationFlags, matching, nonEmpty } from "../flags.ts";

export interface User {
  /** Absent: that of the installation. */
  readonly account?: string;
  readonly userName: string;
}
export interface AccessKey {
  readonly accessKeyId: string;
}
export interface AccessKeyStatus extends AccessKey {
  readonly status: (typeof statuses)[number];
}
export interface UserPolicy extends User {
  readonly policyName: string;
}
export interface UserPolicyDocument extends UserPolicy {
  /** The text of the file. */
  readonly policyDocument: string;
}

const statuses = ["Active", "Inactive"] as const;

/** Names and arguments are those of `aws iam`. */
export interface IamHandlers {
  iamCreateUser(of: Installation, user: User): Promise<void>;
  iamDeleteUser(of: Installation, user: User): Promise<void>;
  iamListUsers(of: Installation, account: Pick<User, "account">): Promise<void>;
  iamCreateAccessKey(of: Installation, user: User): Promise<void>;
  iamDeleteAccessKey(of: Installation, key: AccessKey): Promise<void>;
  iamUpdateAccessKey(of: Installation, key: AccessKeyStatus): Promise<void>;
  iamListAccessKeys(of: Installation, user: User): Promise<void>;
  /** With their documents. */
  iamListUserPolicies(of: Installation, user: User): Promise<void>;
  iamPutUserPolicy(of: Installation, policy: UserPolicyDocument): Promise<void>;
  iamDeleteUserPolicy(of: Installation, policy: UserPolicy): Promise<void>;
}

const nameOf = (name: string, description: string, longest: number) => ({
  ...flag(
    name,
    description,
    `1 to ${longest} letters, digits or + = , . @ _ -`,
    matching(new RegExp(`^[\\w+=,.@-]{1,${longest}}$`)),
  ),
  demandOption: true as const,
});

const account = { ...installationFlags, account: accountFlag("The account of the user [default: the installation's]") };
const user = { ...account, "user-name": nameOf("user-name", "The user", 64) };
const accessKey = { ...installationFlags, "access-key-id": nameOf("access-key-id", "The access key", 128) };
const status = {
  ...accessKey,
  status: {
    choices: statuses,
    demandOption: true as const,
    requiresArg: true,
    description: "An Inactive key is refused, and can be made Active again",
  } as const,
};
const policy = { ...user, "policy-name": nameOf("policy-name", "The policy", 128) };
const document = {
  ...policy,
  "policy-document": {
    ...flag("policy-document", "A file with the policy in JSON", "a path", nonEmpty),
    demandOption: true as const,
  },
};

const accountOf = (given: { account?: string | undefined }): Pick<User, "account"> =>
  given.account === undefined ? {} : { account: given.account };
const userOf = (given: { account?: string | undefined; "user-name": string }): User => ({
  ...accountOf(given),
  userName: given["user-name"],
});

export const iam = (cli: Argv, handlers: IamHandlers): Argv =>
  cli.command("iam", "Users, their access keys and policies", (group) =>
    group
      .command("create-user", "Make a user", user, (given) =>
        handlers.iamCreateUser(installation(given), userOf(given)),
      )
      .command("delete-user", "Delete a user that has no access keys", user, (given) =>
        handlers.iamDeleteUser(installation(given), userOf(given)),
      )
      .command("list-users", "List the users", account, (given) =>
        handlers.iamListUsers(installation(given), accountOf(given)),
      )
      .command("create-access-key", "Make an access key; its secret is shown once", user, (given) =>
        handlers.iamCreateAccessKey(installation(given), userOf(given)),
      )
      .command("delete-access-key", "Delete an access key", accessKey, (given) =>
        handlers.iamDeleteAccessKey(installation(given), { accessKeyId: given["access-key-id"] }),
      )
      .command("update-access-key", "Make an access key inactive, or active again", status, (given) =>
        handlers.iamUpdateAccessKey(installation(given), {
          accessKeyId: given["access-key-id"],
          status: given.status,
        }),
      )
      .command("list-access-keys", "List the access keys of a user, without their secrets", user, (given) =>
        handlers.iamListAccessKeys(installation(given), userOf(given)),
      )
      .command("list-user-policies", "Show the policies of a user", user, (given) =>
        handlers.iamListUserPolicies(installation(given), userOf(given)),
      )
      .command("put-user-policy", "Add or replace a policy of a user", document, (given) =>
        handlers.iamPutUserPolicy(installation(given), {
          ...userOf(given),
          policyName: given["policy-name"],
          policyDocument: readDocument(given["policy-document"]),
        }),
      )
      .command("delete-user-policy", "Delete a policy of a user", policy, (given) =>
        handlers.iamDeleteUserPolicy(installation(given), {
          ...userOf(given),
          policyName: given["policy-name"],
        }),
      )
      .demandCommand(1, "iam needs one of its commands"),
  );

/** As `aws iam` has it, the path may begin with `file://`. */
function readDocument(path: string): string {
  try {
    return readFileSync(path.replace(/^file:\/\//, ""), "utf8");
  } catch (cause) {
    throw new ConfigError("--policy-document cannot be read", { cause });
  }
}
