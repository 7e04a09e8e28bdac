import { PROGRAM_PATH } from '../../host/run-program.ts';
import { startProgram } from '../../host/start-program.ts';

/** The way into a running container's standard input, or to its terminal's keyboard. */
export interface ContainerInput extends Disposable {
  /** Resolves once more can be taken; what is written after the container's end is dropped. */
  write(data: Buffer): Promise<void>;
  /** Nothing more comes. The container sees the end of its input where conmon was told to pass it on. */
  end(): void;
}

/**
 * Connects to conmon's attach socket. That is a SOCK_SEQPACKET, which Node can't open, so socat stands in
 * between: it passes the input on, and takes the output that conmon sends to everyone who is attached and
 * throws it away, since a client that does not read would hold the container up. Output comes from the log.
 * Throws PROGRAM_NOT_STARTED.
 * @param bundle folder with the socket, which is named from within: its whole path may be too long for one
 */
export function openContainerInput(socat: string, bundle: string): ContainerInput {
  // Messages must fit conmon's buffer of 32 KiB.
  const child = startProgram(
    socat,
    ['-b', '8192', '-t', '0', 'STDIN!!OPEN:/dev/null', 'UNIX-CONNECT:attach,type=5'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: PROGRAM_PATH },
      cwd: bundle,
      detached: true,
    },
  );
  const { stdin } = child;
  stdin.on('error', () => undefined);
  child.once('error', () => stdin.destroy());
  child.once('exit', () => stdin.destroy());
  return {
    write: data => new Promise(resolve => stdin.write(data, () => resolve())),
    end() {
      stdin.end();
    },
    [Symbol.dispose]() {
      stdin.destroy();
    },
  };
}
