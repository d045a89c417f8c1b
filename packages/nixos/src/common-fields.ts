import { Type } from "@nixops4-providers/provider-sdk";

export function sudoField(what: string) {
  return Type.Boolean({
    default: false,
    description: `Whether ${what} runs as root by \`sudo -n\`, which must not ask for a password.`,
  });
}

export const substituteField = Type.Boolean({
  default: true,
  description: "Whether the host itself downloads what its own substituters have, instead of being sent it.",
});

export const copyTimeoutField = Type.Integer({
  minimum: 1,
  maximum: 1_000_000,
  default: 3600,
  description: "How many seconds copying the closure may take.",
});
