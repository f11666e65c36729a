// Node's xmlrpc package calls the bridge: [[method, data], ...] on stdin, [{value} or {fault}, ...] on stdout.
const xmlrpc = require("xmlrpc");
const client = xmlrpc.createClient({ url: process.argv[2] });
const calls = JSON.parse(require("fs").readFileSync(0, "utf8"));

function call([method, data]) {
  return new Promise((resolve, reject) => {
    client.methodCall(method, [data], (error, value) => {
      if (error && error.faultCode === undefined) reject(error);
      else resolve(error ? { fault: error.faultCode } : { value });
    });
  });
}

(async () => {
  const results = [];
  for (const one of calls) results.push(await call(one));
  console.log(JSON.stringify(results));
})();
