'use strict';
/**
 * Stands for undici in the single executable: the two dispatchers `packages/oci` sends requests with. All else that undici has
 * (fetch, WebSocket, caches, mocks) would be read at every start, whatever the command.
 */
const Dispatcher = require('../../node_modules/undici/lib/dispatcher/dispatcher.js');

// As undici's own entry does.
Object.assign(Dispatcher.prototype, require('../../node_modules/undici/lib/api/index.js'));

module.exports.Agent = require('../../node_modules/undici/lib/dispatcher/agent.js');
module.exports.ProxyAgent = require('../../node_modules/undici/lib/dispatcher/proxy-agent.js');
