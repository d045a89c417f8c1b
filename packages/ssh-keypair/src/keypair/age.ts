import { ProviderError } from "@nixops4-providers/provider-sdk";

/** Encrypts a text. Returns ASCII armor. */
export type Encrypt = (text: string) => Promise<string>;

/** Returns a function that encrypts for recipients. Throws for invalid recipients. */
export async function encryptFor(recipients: readonly string[]): Promise<Encrypt> {
  const { armor, Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new ProviderError("is not a recipient that age can encrypt for", {
        path: `ageRecipients[${index}]`,
        hint: "Copy the line `# public key: age1...` that `age-keygen` prints; recipients of plugins do not work.",
        cause,
      });
    }
  }
  return async (text) => armor.encode(await encrypter.encrypt(text));
}
