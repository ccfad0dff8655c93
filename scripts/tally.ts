/**
 * node scripts/tally.ts <vitest's JSON report> <vitest's exit status> <passed checks> <failed checks>
 *
 * Prints "N passed, N failed" and exits 1 unless something passed and nothing failed. A skipped test has shown nothing:
 * it counts as failed, and so does a file that broke outside its tests.
 */
import { existsSync, readFileSync } from "node:fs";

interface Report {
  numPassedTests: number;
  testResults: { name: string; status: string; assertionResults: { status: string; fullName: string }[] }[];
}

const [file = "", status, checksPassed, checksFailed] = process.argv.slice(2);
const report: Report = existsSync(file)
  ? JSON.parse(readFileSync(file, "utf8"))
  : { numPassedTests: 0, testResults: [] };

const notPassed = report.testResults.flatMap(({ name, status, assertionResults }) => {
  const tests = assertionResults.filter((test) => test.status !== "passed");
  const broken = status === "failed" && tests.length === 0 ? [`${name} broke outside its tests`] : [];
  return [...broken, ...tests.map((test) => `${test.fullName}: ${test.status}`)];
});
if (report.numPassedTests === 0 && notPassed.length === 0) notPassed.push("no test ran");
if (status !== "0" && notPassed.length === 0) notPassed.push(`vitest ended with status ${status}`);

for (const line of notPassed) console.log(line);
const passed = Number(checksPassed) + report.numPassedTests;
const failed = Number(checksFailed) + notPassed.length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
