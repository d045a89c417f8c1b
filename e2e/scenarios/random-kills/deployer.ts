// Applies one round, and prints what happens as lines of JSON: `deployer.ts <folder> <round>`.
import { applyDeployment, graph } from "../../harness/index.ts";
import { membersOf } from "./deployment.ts";

const [folder = "", round = ""] = process.argv.slice(2);

const applied = applyDeployment(graph(membersOf(folder, Number(round))), {
  cwd: folder,
  onEvent: (event) => console.log(JSON.stringify(event)),
});
process.exit(
  await applied.then(
    () => 0,
    () => 1,
  ),
);
