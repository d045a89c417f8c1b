/** Arguments of scripts/agent.sh, in this order; variables for switch-to-configuration follow as `NAME=value`. */
export interface AgentParameters {
  toplevel: string;
  action: string;
  profile: string;
  rollback: "yes" | "no";
  confirmSeconds: number;
  activationSeconds: number;
  lockSeconds: number;
  /** The user and machine that deploy, shown to deployers that wait. */
  deployer: string;
}

export function agentArguments(parameters: AgentParameters): string[] {
  const { toplevel, action, profile, rollback } = parameters;
  const { confirmSeconds, activationSeconds, lockSeconds, deployer } = parameters;
  return [toplevel, action, profile, rollback, confirmSeconds, activationSeconds, lockSeconds, deployer].map(
    String,
  );
}
