# Fish completion of enclos: asks the program itself (api/cli/complete.c).
function __enclos_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    for line in ($before[1] complete $before[2..-1] $word 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (string replace -r '^--[^=]*=' '' -- $word)
        else
            echo $line
        end
    end
end
complete -c enclos -f -a '(__enclos_complete)'
