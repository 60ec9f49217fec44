// node check.mjs DOCUMENT.json: is it an OpenRPC document, and does each of its references lead somewhere?
import { readFileSync } from "node:fs";
import utils from "@open-rpc/schema-utils-js";

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
const verdict = utils.validateOpenRPCDocument(document);
if (verdict !== true) {
  console.log(verdict.message);
  process.exit(1);
}
const parsed = await utils.parseOpenRPCDocument(document, { validate: true, dereference: true });
console.log(parsed.methods.length);
